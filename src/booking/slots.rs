//! Choosing a time: pure arithmetic over what was wished and what is offered.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::lead::SlotPolicy;

/// The most candidates one choice names; more would only be tried if all before them were held by others.
const MOST_CANDIDATES: usize = 64;

/// The most alternatives a lead is asked to choose from.
const MOST_ALTERNATIVES: usize = 6;

/// As many alternatives are looked for.
const FEWEST_ALTERNATIVES: usize = 3;

/// What bounds a choice.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What to do when no wish can be met.
    pub policy: SlotPolicy,
    /// The first instant that may be booked.
    pub not_before: Timestamp,
    /// The last instant that may be booked.
    pub not_after: Timestamp,
    /// Minutes of the day in `zone`, from and to, in which `earliest` likes to book.
    pub preferred: Option<(u16, u16)>,
    /// The lead's zone.
    pub zone: TimeZone,
}

impl Rules {
    /// Whether an instant lies inside the bounds.
    pub fn allow(&self, at: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Ask for one of these, the dearest first. Never empty.
    Try(Vec<Timestamp>),
    /// No wish can be met and the policy says ask: these are free. Never empty.
    Ask(Vec<Timestamp>),
    /// Nothing is free inside the rules.
    Nothing,
}

/// Chooses among the `offered` instants, which must be sorted. Those in `refused` count as gone.
pub fn choose(
    wishes: &[Timestamp],
    refused: &[Timestamp],
    offered: &[Timestamp],
    rules: &Rules,
) -> Pick {
    let open = open(refused, offered, rules);
    if open.is_empty() {
        return Pick::Nothing;
    }
    let met = wishes
        .iter()
        .copied()
        .filter(|wish| open.binary_search(wish).is_ok());
    let candidates = match (rules.policy, wishes.first()) {
        (SlotPolicy::Exact, _) => met.collect(),
        (SlotPolicy::Nearest, Some(first)) => met.chain(nearest_first(&open, *first)).collect(),
        (SlotPolicy::Nearest, None) | (SlotPolicy::Earliest, _) => {
            met.chain(preferred_first(&open, rules)).collect()
        }
    };
    let candidates = without_repeats(candidates);
    if candidates.is_empty() {
        Pick::Ask(alternatives(wishes, &open, rules))
    } else {
        Pick::Try(candidates)
    }
}

/// Whether the part of the offer that was read, which must be sorted and reach past every wish, is enough to choose
/// from: more of it would change nothing, or little.
pub fn is_enough(
    wishes: &[Timestamp],
    refused: &[Timestamp],
    offered: &[Timestamp],
    rules: &Rules,
) -> bool {
    let open = open(refused, offered, rules);
    let is_met = wishes.iter().any(|wish| open.binary_search(wish).is_ok());
    let is_substituted = match rules.policy {
        SlotPolicy::Exact => open.len() >= FEWEST_ALTERNATIVES,
        SlotPolicy::Nearest if !wishes.is_empty() => !open.is_empty(),
        SlotPolicy::Nearest | SlotPolicy::Earliest => {
            open.iter().any(|at| is_preferred(*at, rules))
        }
    };
    is_met || is_substituted
}

fn open(refused: &[Timestamp], offered: &[Timestamp], rules: &Rules) -> Vec<Timestamp> {
    offered
        .iter()
        .copied()
        .filter(|at| rules.allow(*at) && !refused.contains(at))
        .collect()
}

/// Whether an instant lies in the hours the source prefers; everywhere does when it prefers none.
pub fn is_preferred(at: Timestamp, rules: &Rules) -> bool {
    rules.preferred.is_none_or(|(from, to)| {
        let local = at.to_zoned(rules.zone.clone());
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        (from..to).contains(&minute)
    })
}

/// Free times to show a lead whose wish is gone: the nearest to the first wish, in order of time.
pub fn alternatives(wishes: &[Timestamp], open: &[Timestamp], rules: &Rules) -> Vec<Timestamp> {
    let mut shown: Vec<Timestamp> = match wishes.first() {
        Some(first) => nearest_first(open, *first)
            .into_iter()
            .take(MOST_ALTERNATIVES)
            .collect(),
        None => preferred_first(open, rules)
            .into_iter()
            .take(MOST_ALTERNATIVES)
            .collect(),
    };
    shown.sort();
    shown
}

fn nearest_first(open: &[Timestamp], to: Timestamp) -> Vec<Timestamp> {
    let mut nearest = open.to_vec();
    nearest.sort_by_key(|at| (at.as_millisecond().abs_diff(to.as_millisecond()), *at));
    nearest
}

fn preferred_first(open: &[Timestamp], rules: &Rules) -> Vec<Timestamp> {
    let (mut liked, others): (Vec<_>, Vec<_>) =
        open.iter().partition(|at| is_preferred(**at, rules));
    liked.extend(others);
    liked
}

fn without_repeats(candidates: Vec<Timestamp>) -> Vec<Timestamp> {
    let mut seen = std::collections::HashSet::new();
    candidates
        .into_iter()
        .filter(|at| seen.insert(*at))
        .take(MOST_CANDIDATES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-12-{text}:00Z").parse().unwrap()
    }

    fn all(texts: &[&str]) -> Vec<Timestamp> {
        texts.iter().map(|text| at(text)).collect()
    }

    fn rules(policy: SlotPolicy) -> Rules {
        Rules {
            policy,
            not_before: at("01T09:00"),
            not_after: at("15T09:00"),
            preferred: None,
            zone: TimeZone::get("Europe/Oslo").unwrap(),
        }
    }

    #[test]
    fn the_policy_decides_what_a_missed_wish_becomes() {
        use SlotPolicy::{Earliest, Exact, Nearest};
        let offered = all(&[
            "01T08:00", "01T10:00", "01T11:00", "02T10:00", "03T10:00", "20T10:00",
        ]);
        for (policy, wishes, want) in [
            (Exact, vec!["01T11:00"], Pick::Try(all(&["01T11:00"]))),
            (
                Exact,
                vec!["01T12:00", "02T10:00"],
                Pick::Try(all(&["02T10:00"])),
            ),
            (
                Exact,
                vec!["02T11:00"],
                Pick::Ask(all(&["01T10:00", "01T11:00", "02T10:00", "03T10:00"])),
            ),
            (
                Exact,
                vec![],
                Pick::Ask(all(&["01T10:00", "01T11:00", "02T10:00", "03T10:00"])),
            ),
            (
                Exact,
                vec!["01T08:00"],
                Pick::Ask(all(&["01T10:00", "01T11:00", "02T10:00", "03T10:00"])),
            ),
            (
                Nearest,
                vec!["02T11:00"],
                Pick::Try(all(&["02T10:00", "03T10:00", "01T11:00", "01T10:00"])),
            ),
            (
                Nearest,
                vec![],
                Pick::Try(all(&["01T10:00", "01T11:00", "02T10:00", "03T10:00"])),
            ),
            (
                Earliest,
                vec!["03T10:00"],
                Pick::Try(all(&["03T10:00", "01T10:00", "01T11:00", "02T10:00"])),
            ),
            (
                Earliest,
                vec![],
                Pick::Try(all(&["01T10:00", "01T11:00", "02T10:00", "03T10:00"])),
            ),
        ] {
            let wishes = all(&wishes);
            assert_eq!(
                choose(&wishes, &[], &offered, &rules(policy)),
                want,
                "{policy:?} {wishes:?}"
            );
        }
    }

    #[test]
    fn a_refused_instant_is_gone_even_when_it_is_still_listed() {
        let offered = all(&["01T10:00", "01T11:00"]);
        let refused = all(&["01T10:00"]);
        assert_eq!(
            choose(
                &offered[..1],
                &refused,
                &offered,
                &rules(SlotPolicy::Earliest)
            ),
            Pick::Try(all(&["01T11:00"]))
        );
        assert_eq!(
            choose(&[], &offered, &offered, &rules(SlotPolicy::Earliest)),
            Pick::Nothing
        );
    }

    #[test]
    fn earliest_takes_hours_the_source_likes_and_others_only_when_there_are_none() {
        // Oslo is one hour ahead of UTC in December.
        let liking = Rules {
            preferred: Some((12 * 60, 13 * 60)),
            ..rules(SlotPolicy::Earliest)
        };
        let offered = all(&["01T10:00", "01T11:00", "01T12:00"]);
        assert_eq!(
            choose(&[], &[], &offered, &liking),
            Pick::Try(all(&["01T11:00", "01T10:00", "01T12:00"]))
        );
        let offered = all(&["01T10:00"]);
        assert_eq!(
            choose(&[], &[], &offered, &liking),
            Pick::Try(all(&["01T10:00"]))
        );
    }

    #[test]
    fn reading_ends_when_what_may_be_booked_is_enough_for_the_policy() {
        use SlotPolicy::{Earliest, Exact, Nearest};
        let offered = all(&["01T08:00", "01T10:00", "01T11:00"]);
        let more = all(&["01T10:00", "01T11:00", "02T10:00"]);
        let liking = |policy| Rules {
            preferred: Some((12 * 60, 13 * 60)),
            ..rules(policy)
        };
        for (wishes, refused, offered, rules, expected) in [
            (&["01T10:00"][..], &[][..], &offered, rules(Exact), true),
            (&["01T10:00"], &["01T10:00"], &offered, rules(Exact), false),
            (&["01T12:00"], &[], &offered, rules(Exact), false),
            (&["01T12:00"], &[], &more, rules(Exact), true),
            (&["01T12:00"], &["01T10:00"], &more, rules(Exact), false),
            (&["01T12:00"], &[], &offered, rules(Nearest), true),
            (&[], &[], &offered, rules(Earliest), true),
            (
                &[],
                &["01T10:00", "01T11:00"],
                &offered,
                rules(Earliest),
                false,
            ),
            // Oslo is one hour ahead of UTC in December.
            (&[], &[], &offered, liking(Earliest), true),
            (&[], &["01T11:00"], &offered, liking(Earliest), false),
            (&["01T10:00"], &[], &offered, liking(Earliest), true),
        ] {
            let (wishes, refused) = (all(wishes), all(refused));
            assert_eq!(
                is_enough(&wishes, &refused, offered, &rules),
                expected,
                "{wishes:?} {refused:?} {rules:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn only_what_is_offered_and_allowed_is_ever_picked(
            offered in proptest::collection::btree_set(0i64..2000, 0..60),
            wishes in proptest::collection::vec(0i64..2000, 0..4),
            refused in proptest::collection::vec(0i64..2000, 0..4),
            policy in prop_oneof![Just(SlotPolicy::Exact), Just(SlotPolicy::Nearest), Just(SlotPolicy::Earliest)],
        ) {
            let instant = |quarter: i64| Timestamp::from_second(1_796_000_000 + quarter * 900).unwrap();
            let offered: Vec<_> = offered.into_iter().map(instant).collect();
            let wishes: Vec<_> = wishes.into_iter().map(instant).collect();
            let refused: Vec<_> = refused.into_iter().map(instant).collect();
            let rules = Rules { not_before: instant(200), not_after: instant(1800), ..rules(policy) };
            let may = |at: &Timestamp| {
                offered.contains(at) && !refused.contains(at) && *at >= rules.not_before && *at <= rules.not_after
            };
            let pick = choose(&wishes, &refused, &offered, &rules);
            match &pick {
                Pick::Try(list) | Pick::Ask(list) => {
                    prop_assert!(!list.is_empty());
                    prop_assert!(list.iter().all(may));
                }
                Pick::Nothing => prop_assert!(!offered.iter().any(&may)),
            }
            if let (Pick::Try(list), Some(first)) = (&pick, wishes.iter().find(|at| may(at))) {
                prop_assert_eq!(&list[0], first);
            }
            if let Pick::Ask(list) = &pick {
                let open = offered.iter().filter(|at| may(at)).count();
                prop_assert!(list.len() >= open.min(3));
            }
        }
    }
}
