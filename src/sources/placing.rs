//! Placing a platform's form fields: which of two fields for the same thing is the lead's, and which only an answer.

use std::collections::BTreeMap;

use super::entry::{Entry, TEXT_FIELDS};
use super::own::Own;
use super::spelling;

/// One field of a form, as a platform delivered it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The platform's own name of the field.
    pub name: String,
    /// What the person read; empty when the platform does not say.
    pub label: String,
    /// In their order.
    pub values: Vec<String>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").finish_non_exhaustive()
    }
}

impl Entry {
    /// Puts a form's fields where they belong. Where several are for the same thing, the operator's map outweighs the
    /// platform's standard names, an earlier standard name a later one, and any of them a guess by spelling; the others
    /// become answers in their place. `standard` holds the platform's names (case does not count) and leadgate's.
    pub fn place(&mut self, own: &Own, standard: &[(&str, &str)], given: Vec<Given>) {
        let given: Vec<Given> = given.into_iter().filter_map(without_blanks).collect();
        let claims: Vec<Option<Claim>> = given
            .iter()
            .map(|given| claim(own, standard, given))
            .collect();
        let mut winners: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (index, claim) in claims.iter().enumerate() {
            if let Some(Claim { rank, ours }) = claim {
                let best = winners.entry(ours).or_insert((*rank, index));
                *best = (*best).min((*rank, index));
            }
        }
        for (index, (given, claim)) in given.iter().zip(&claims).enumerate() {
            let label = given.shown();
            match claim {
                None => self.put(own, &given.name, label, given.values.clone()),
                Some(claim) if winners.get(claim.ours.as_str()) == Some(&(claim.rank, index)) => {
                    self.known(&claim.ours, label, &given.values);
                }
                Some(_) => self.answer(label, given.values.clone()),
            }
        }
    }
}

impl Given {
    fn shown(&self) -> &str {
        match self.label.trim() {
            "" => &self.name,
            _ => &self.label,
        }
    }
}

/// A contact field that a form's field may be, and how good its right to it is: the lower, the better.
struct Claim {
    rank: usize,
    ours: String,
}

/// `None`: the field is for no contact field, and meets no rival.
fn claim(own: &Own, standard: &[(&str, &str)], given: &Given) -> Option<Claim> {
    let mapped = own.fields.get(&given.name);
    if let Some(ours) = mapped.or_else(|| own.fields.get(given.shown())) {
        return contact_field(0, ours);
    }
    let listed = standard
        .iter()
        .position(|(theirs, _)| theirs.eq_ignore_ascii_case(given.name.trim()));
    if let Some(place) = listed {
        return contact_field(1 + place, standard[place].1);
    }
    let guess = spelling::field(&given.name).or_else(|| spelling::field(&given.label))?;
    contact_field(1 + standard.len(), &guess)
}

fn contact_field(rank: usize, ours: &str) -> Option<Claim> {
    TEXT_FIELDS.contains(&ours).then(|| Claim {
        rank,
        ours: ours.to_owned(),
    })
}

fn without_blanks(mut given: Given) -> Option<Given> {
    given.values.retain(|value| !value.trim().is_empty());
    (!given.values.is_empty()).then_some(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDARD: &[(&str, &str)] = &[("EMAIL", "email"), ("WORK_EMAIL", "email")];

    fn placed(map: &[(&str, &str)], given: &[(&str, &str, &[&str])]) -> Entry {
        let mut own = Own::default();
        for (theirs, ours) in map {
            own.fields.insert((*theirs).into(), (*ours).into());
        }
        let given = given.iter().map(|(name, label, values)| Given {
            name: (*name).to_owned(),
            label: (*label).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        });
        let mut entry = Entry::default();
        entry.place(&own, STANDARD, given.collect());
        entry
    }

    #[test]
    fn the_better_claim_has_the_field_wherever_it_stands() {
        let map = [("Billing", "email")];
        for (map, given, email, answer) in [
            (
                &[][..],
                &[
                    ("WORK_EMAIL", "Work", &["w@lead.example"][..]),
                    ("email", "", &["e@lead.example"]),
                ],
                "e@lead.example",
                "Work",
            ),
            (
                &[],
                &[
                    ("mail", "", &["m@lead.example"]),
                    ("WORK_EMAIL", "Work", &["w@lead.example"]),
                ],
                "w@lead.example",
                "mail",
            ),
            (
                &map,
                &[
                    ("EMAIL", "Yours", &["e@lead.example"]),
                    ("q9", "Billing", &["b@lead.example"]),
                ],
                "b@lead.example",
                "Yours",
            ),
            (
                &[],
                &[
                    ("EMAIL", "First", &["1@lead.example"]),
                    ("EMAIL", "Second", &["2@lead.example"]),
                ],
                "1@lead.example",
                "Second",
            ),
            (
                &[],
                &[
                    ("EMAIL", "Empty", &[" "]),
                    ("WORK_EMAIL", "Work", &["w@lead.example", "x@lead.example"]),
                ],
                "w@lead.example",
                "Work",
            ),
        ] {
            let entry = placed(map, given);
            assert_eq!(entry.fields["email"], email);
            assert_eq!(entry.answers.len(), 1);
            assert_eq!(entry.answers[0].question, answer);
        }
    }

    #[test]
    fn what_is_no_contact_field_keeps_its_order_and_its_repeats() {
        let entry = placed(
            &[("Budget?", "answers.budget")],
            &[
                ("q1", "Roof?", &["Flat"]),
                ("utm_source", "", &["news"]),
                ("q2", "Budget?", &["1k", "2k"]),
                ("q3", "Roof?", &["Steep"]),
            ],
        );
        let questions: Vec<_> = entry.answers.iter().map(|a| a.question.as_str()).collect();
        assert_eq!(questions, ["Roof?", "budget", "Roof?"]);
        assert_eq!(entry.answers[1].values, ["1k", "2k"]);
        assert_eq!(entry.marks, [("utm_source".to_owned(), "news".to_owned())]);
        assert!(entry.fields.is_empty());
    }
}
