//! What will happen, and when: drawn from a seed, so that a run can be repeated. Does nothing itself.

use std::time::Duration;

use super::Scale;
use super::settings::PAST_THE_LEASE;
use crate::sandbox::{Fault, FaultKind};

/// The endpoint that books.
pub(super) const BOOKINGS: &str = "POST /v1/eventCalls";

/// The endpoint that lists free times.
pub(super) const DATES: &str = "POST /v1/events/eventDates";

/// Every so many people, one posts several times ...
const IMPATIENT: u32 = 12;

/// ... so often, half of them in capitals ...
const TIMES: u32 = 4;

/// ... within this time.
const AT_ONCE: Duration = Duration::from_millis(40);

/// A kill and its recovery are given so long.
const KILL_ROOM: Duration = Duration::from_secs(3);

/// The longest a killed gateway stays dead.
const DEAD: Duration = Duration::from_millis(1500);

/// A 429 on command for each so many people.
const LIMITED_EACH: u32 = 80;

/// Everything that will happen.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    /// In the order of their time.
    pub posts: Vec<Post>,
    /// In the order of their time.
    pub moves: Vec<Move>,
    /// When the last move is over.
    pub length: Duration,
}

/// One delivery of a lead, with an idempotency key of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Post {
    /// From the start.
    pub at: Duration,
    /// Who, from 0.
    pub person: u32,
    /// Whether the address is written in capitals.
    pub capitals: bool,
}

/// One piece of trouble. Replicas count from 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Move {
    /// From the start, at the earliest: a move waits for the one before.
    pub at: Duration,
    /// What.
    pub what: Trouble,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    /// SIGKILL, and a new start after some time.
    Kill {
        /// Which.
        replica: usize,
        /// How long it stays dead.
        dead: Duration,
    },
    /// SIGSTOP.
    Pause {
        /// Which.
        replica: usize,
    },
    /// SIGCONT.
    Continue {
        /// Which.
        replica: usize,
    },
    /// The vendor answers the next request to this endpoint with a 429.
    Limited {
        /// Method and path.
        endpoint: &'static str,
    },
}

/// The shortest time in which so many bookings fit into the limit.
pub(super) fn least(leads: u32, scale: Scale) -> Duration {
    let windows = f64::from(leads) / f64::from(scale.limit.max(1));
    Duration::from_secs_f64(windows * scale.window_seconds as f64)
}

/// Draws the plan of an experiment.
pub(super) fn draw(scale: Scale, seed: u64) -> Plan {
    let mut dice = Dice(seed);
    let paused = if scale.replicas > 1 {
        PAST_THE_LEASE.mul_f64(1.5)
    } else {
        Duration::ZERO
    };
    let length = least(scale.leads, scale)
        .max(KILL_ROOM * scale.kills)
        .max(paused);
    Plan {
        posts: posts(scale, length, &mut dice),
        moves: moves(scale, length, &mut dice),
        length: length + paused,
    }
}

/// Leads come faster than the limit lets them be booked, so that there is a backlog while things break.
fn posts(scale: Scale, length: Duration, dice: &mut Dice) -> Vec<Post> {
    let mut posts = Vec::new();
    for person in 0..scale.leads {
        let at = length.mul_f64(0.7 * f64::from(person) / f64::from(scale.leads));
        let times = if person % IMPATIENT == 0 { TIMES } else { 1 };
        posts.extend((0..times).map(|time| Post {
            at: at + AT_ONCE.mul_f64(if time == 0 { 0.0 } else { dice.part() }),
            person,
            capitals: time % 2 == 1,
        }));
    }
    posts.sort_by_key(|post| post.at);
    posts
}

fn moves(scale: Scale, length: Duration, dice: &mut Dice) -> Vec<Move> {
    let mut moves = Vec::new();
    for (kill, at) in spread(scale.kills, length, dice).into_iter().enumerate() {
        // Whom it strikes is said below, when it is known who is awake.
        let what = Trouble::Kill {
            replica: kill,
            dead: DEAD.mul_f64(dice.part()),
        };
        moves.push(Move { at, what });
    }
    for (number, at) in spread(scale.leads.div_ceil(LIMITED_EACH), length, dice)
        .into_iter()
        .enumerate()
    {
        let endpoint = if number % 3 == 2 { DATES } else { BOOKINGS };
        moves.push(Move {
            at,
            what: Trouble::Limited { endpoint },
        });
    }
    if scale.replicas > 1 {
        let rounds = (length.as_secs() / (3 * PAST_THE_LEASE.as_secs())).max(1);
        let round = length.as_secs_f64() / rounds as f64;
        for number in 0..rounds {
            let at = Duration::from_secs_f64(round * (number as f64 + 0.2 * dice.part()));
            let replica = dice.below(scale.replicas as usize);
            moves.push(Move {
                at,
                what: Trouble::Pause { replica },
            });
            moves.push(Move {
                at: at + PAST_THE_LEASE,
                what: Trouble::Continue { replica },
            });
        }
    }
    moves.sort_by_key(|one| one.at);
    strike_the_awake(&mut moves, scale.replicas as usize, dice);
    moves
}

/// Kills fall on any replica that is not paused at that point of the plan.
fn strike_the_awake(moves: &mut [Move], replicas: usize, dice: &mut Dice) {
    let mut asleep = None;
    for one in moves {
        match &mut one.what {
            Trouble::Pause { replica } => asleep = Some(*replica),
            Trouble::Continue { .. } => asleep = None,
            Trouble::Limited { .. } => {}
            Trouble::Kill { replica, .. } => {
                let awake: Vec<usize> = (0..replicas)
                    .filter(|number| Some(*number) != asleep)
                    .collect();
                *replica = awake.get(dice.below(awake.len())).copied().unwrap_or(0);
            }
        }
    }
}

/// So many moments, each somewhere in its own share of the time.
fn spread(count: u32, length: Duration, dice: &mut Dice) -> Vec<Duration> {
    (0..count)
        .map(|number| length.mul_f64((f64::from(number) + dice.part()) / f64::from(count)))
        .collect()
}

/// The share of the answers to bookings that each way of losing one takes. Rules are drawn one after the other: together
/// the four ways spoil a third.
const SPOILED: f64 = 0.095;

/// The trouble that lies about the whole time: of the answers to bookings, a third is lost although the call was
/// booked, and some requests hang for longer than the gateway waits.
pub(super) fn standing_faults(longer_than_the_timeout: Duration) -> Vec<Fault> {
    let seconds = longer_than_the_timeout.as_secs_f64();
    let rule = |endpoint: &str, kind, probability| Fault {
        endpoint: Some(endpoint.to_owned()),
        kind,
        times: None,
        probability,
    };
    vec![
        rule(BOOKINGS, FaultKind::DropAfter, SPOILED),
        rule(BOOKINGS, FaultKind::HangAfter { seconds }, SPOILED),
        rule(BOOKINGS, FaultKind::Truncated, SPOILED),
        rule(BOOKINGS, FaultKind::StatusAfter { code: 502 }, SPOILED),
        rule(BOOKINGS, FaultKind::HangBefore { seconds }, 0.02),
        rule(DATES, FaultKind::HangBefore { seconds }, 0.02),
    ]
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): any seed is as good as another.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to below `count`, and 0 when that is 0.
    fn below(&mut self, count: usize) -> usize {
        (self.part() * count as f64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALES: [Scale; 4] = [
        Scale::QUICK,
        Scale::FULL,
        Scale {
            replicas: 3,
            ..Scale::QUICK
        },
        Scale {
            replicas: 2,
            kills: 1,
            leads: 160,
            limit: 20,
            window_seconds: 5,
        },
    ];

    #[test]
    fn the_same_seed_makes_the_same_plan_and_another_makes_another() {
        for scale in SCALES {
            assert_eq!(draw(scale, 7), draw(scale, 7));
            assert_ne!(draw(scale, 7), draw(scale, 8));
        }
    }

    #[test]
    fn every_person_posts_and_some_again_half_in_capitals() {
        for scale in SCALES {
            let plan = draw(scale, 1);
            assert!(plan.posts.is_sorted_by_key(|post| post.at));
            for person in 0..scale.leads {
                let mine: Vec<_> = plan
                    .posts
                    .iter()
                    .filter(|post| post.person == person)
                    .collect();
                let capitals = mine.iter().filter(|post| post.capitals).count();
                let expected = if person % 12 == 0 { (4, 2) } else { (1, 0) };
                assert_eq!((mine.len(), capitals), expected, "{person}");
            }
        }
    }

    #[test]
    fn kills_are_as_many_as_asked_for_and_strike_nobody_asleep() {
        for (scale, seed) in SCALES
            .into_iter()
            .flat_map(|scale| (0..20).map(move |seed| (scale, seed)))
        {
            let plan = draw(scale, seed);
            assert!(plan.moves.is_sorted_by_key(|one| one.at));
            let (mut kills, mut pauses, mut asleep) = (0, 0, None);
            for one in &plan.moves {
                assert!(one.at <= plan.length, "{one:?}");
                match one.what {
                    Trouble::Kill { replica, .. } => {
                        assert!(replica < scale.replicas as usize && asleep != Some(replica));
                        kills += 1;
                    }
                    Trouble::Pause { replica } => {
                        assert_eq!(asleep.replace(replica), None);
                        pauses += 1;
                    }
                    Trouble::Continue { replica } => assert_eq!(asleep.take(), Some(replica)),
                    Trouble::Limited { .. } => {}
                }
            }
            assert_eq!((kills, asleep), (scale.kills, None));
            assert_eq!(pauses > 0, scale.replicas > 1);
        }
    }

    #[test]
    fn a_third_of_the_answers_to_bookings_is_spoiled_after_the_fact() {
        let faults = standing_faults(Duration::from_secs(4));
        let after = faults.iter().filter(|fault| {
            let before = matches!(fault.kind, FaultKind::HangBefore { .. });
            fault.endpoint.as_deref() == Some(BOOKINGS) && !before
        });
        let kept: f64 = after.map(|fault| 1.0 - fault.probability).product();
        assert!((0.32..0.34).contains(&(1.0 - kept)), "{kept}");
    }

    #[test]
    fn the_least_time_is_that_of_the_limit() {
        for (leads, limit, window_seconds, seconds) in
            [(100, 50, 5, 10.0), (1, 1, 60, 60.0), (10, 20, 10, 5.0)]
        {
            let scale = Scale {
                limit,
                window_seconds,
                ..Scale::QUICK
            };
            assert_eq!(least(leads, scale), Duration::from_secs_f64(seconds));
        }
    }
}
