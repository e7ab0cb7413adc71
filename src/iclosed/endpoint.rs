//! The endpoints in use. The vendor counts requests for each verb and path apart (www.iclosed.io/api), so a variant
//! is also a budget.

use reqwest::Method;

/// One verb and path of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Open slots of one event.
    EventDates,
    /// Books a call.
    CreateCall,
    /// Calls a call off.
    CancelCall,
    /// Lists and finds calls.
    ListCalls,
    /// Lists and finds contacts.
    SearchContacts,
    /// Makes a contact.
    CreateContact,
    /// Saves form answers and learns the qualification.
    InviteeAnswers,
    /// One event's settings and questions.
    EventDetail,
    /// The account's contact stages: the cheapest probe of a key, without personal data.
    ContactStage,
}

impl Endpoint {
    /// Every endpoint in use.
    pub const ALL: [Endpoint; 9] = [
        Endpoint::EventDates,
        Endpoint::CreateCall,
        Endpoint::CancelCall,
        Endpoint::ListCalls,
        Endpoint::SearchContacts,
        Endpoint::CreateContact,
        Endpoint::InviteeAnswers,
        Endpoint::EventDetail,
        Endpoint::ContactStage,
    ];

    /// `METHOD /path`, without query: the name of the budget.
    pub fn key(self) -> &'static str {
        match self {
            Endpoint::EventDates => "POST /v1/events/eventDates",
            Endpoint::CreateCall => "POST /v1/eventCalls",
            Endpoint::CancelCall => "PUT /v1/eventCalls/cancel",
            Endpoint::ListCalls => "GET /v1/eventCalls",
            Endpoint::SearchContacts => "GET /v1/contacts",
            Endpoint::CreateContact => "POST /v1/contacts",
            Endpoint::InviteeAnswers => "POST /v1/fields/inviteeAnswers",
            Endpoint::EventDetail => "GET /v1/events/detail",
            Endpoint::ContactStage => "GET /v1/fields/contact-stage",
        }
    }

    /// The verb.
    pub fn method(self) -> Method {
        match self {
            Endpoint::EventDates
            | Endpoint::CreateCall
            | Endpoint::CreateContact
            | Endpoint::InviteeAnswers => Method::POST,
            Endpoint::CancelCall => Method::PUT,
            Endpoint::ListCalls
            | Endpoint::SearchContacts
            | Endpoint::EventDetail
            | Endpoint::ContactStage => Method::GET,
        }
    }

    /// The verb, as a word.
    pub fn verb(self) -> &'static str {
        self.key().split_once(' ').map_or("GET", |(verb, _)| verb)
    }

    /// The path, from its first slash.
    pub fn path(self) -> &'static str {
        self.key().split_once(' ').map_or("/", |(_, path)| path)
    }

    /// Whether the request changes nothing at the vendor. Slots are read with POST.
    pub(super) fn is_read(self) -> bool {
        self == Endpoint::EventDates || self.method() == Method::GET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_verb_and_the_path_and_no_two_are_alike() {
        let keys: std::collections::HashSet<_> = Endpoint::ALL.map(Endpoint::key).into();
        assert_eq!(keys.len(), Endpoint::ALL.len());
        for endpoint in Endpoint::ALL {
            let spelled = format!("{} {}", endpoint.method(), endpoint.path());
            assert_eq!(endpoint.key(), spelled);
        }
    }

    #[test]
    fn four_endpoints_write() {
        let writes = Endpoint::ALL
            .into_iter()
            .filter(|endpoint| !endpoint.is_read());
        let writes: Vec<_> = writes.map(Endpoint::key).collect();
        let expected = [
            "POST /v1/eventCalls",
            "PUT /v1/eventCalls/cancel",
            "POST /v1/contacts",
            "POST /v1/fields/inviteeAnswers",
        ];
        assert_eq!(writes, expected);
    }
}
