//! `reply`: the shape a chatbot's platform wants its answers in.

use super::section::Section;

/// The shape of the answers a chatbot gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// leadgate's own.
    Neutral,
    /// ManyChat's dynamic block, version 2 (manychat.github.io).
    ManyChat(Channel),
    /// A webhook response of Dialogflow CX (docs.cloud.google.com).
    DialogflowCx,
    /// One level of plain values, for platforms that map an answer to variables (Botpress, Voiceflow).
    Flat,
}

/// Where a ManyChat bot talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Facebook Messenger: the only one with buttons that call back.
    Messenger,
    /// Instagram.
    Instagram,
    /// WhatsApp.
    WhatsApp,
    /// Telegram.
    Telegram,
}

const REPLIES: [(&str, Reply); 4] = [
    ("neutral", Reply::Neutral),
    ("manychat", Reply::ManyChat(Channel::Messenger)),
    ("dialogflow_cx", Reply::DialogflowCx),
    ("flat", Reply::Flat),
];

const CHANNELS: [(&str, Channel); 4] = [
    ("messenger", Channel::Messenger),
    ("instagram", Channel::Instagram),
    ("whatsapp", Channel::WhatsApp),
    ("telegram", Channel::Telegram),
];

impl Reply {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let reply = section.word("reply", &REPLIES, Reply::Neutral);
        let channel = section.word("channel", &CHANNELS, Channel::Messenger);
        match reply {
            Reply::ManyChat(_) => Reply::ManyChat(channel),
            other => {
                if channel != Channel::Messenger {
                    section.fault("channel", "has a meaning only with reply = \"manychat\"");
                }
                other
            }
        }
    }

    /// How many seconds an answer is held back where the settings do not say: ManyChat gives up after about 10 s
    /// (help.manychat.com), Dialogflow CX after 5 s (docs.cloud.google.com).
    pub fn usual_wait_seconds(self) -> u64 {
        match self {
            Reply::ManyChat(_) => 8,
            Reply::Neutral | Reply::DialogflowCx | Reply::Flat => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::parse;

    #[test]
    fn the_usual_wait_is_the_platforms_and_a_channel_is_manychats() {
        let read = |lines: &str| {
            let text = format!(
                "[accounts.main]\napi_key = \"iclosed_abc\"\n[sources.bot]\nkind = \"chatbot\"\n\
                 link_prefix = \"acme/call\"\napi_keys = [\"0123456789abcdef\"]\n{lines}\n"
            );
            parse(&text, "leadgate.toml", &|_| None).map_err(|faults| faults.to_string())
        };
        for (lines, reply, seconds) in [
            ("", Reply::Neutral, 4),
            ("reply = \"flat\"", Reply::Flat, 4),
            ("reply = \"dialogflow_cx\"", Reply::DialogflowCx, 4),
            (
                "reply = \"manychat\"",
                Reply::ManyChat(Channel::Messenger),
                8,
            ),
            (
                "reply = \"manychat\"\nchannel = \"whatsapp\"\nwait_seconds = 3",
                Reply::ManyChat(Channel::WhatsApp),
                3,
            ),
        ] {
            let source = &read(lines).unwrap().sources["bot"];
            assert_eq!(
                (source.kind.reply(), source.wait.as_secs()),
                (reply, seconds),
                "{lines}"
            );
        }
        for (lines, fault) in [
            ("reply = \"manichat\"", "did you mean manychat?"),
            (
                "reply = \"flat\"\nchannel = \"telegram\"",
                "only with reply",
            ),
            ("reply = \"manychat\"\nchannel = \"sms\"", "must be one of"),
        ] {
            let told = read(lines).unwrap_err();
            assert!(told.contains(fault), "{told}");
        }
    }
}
