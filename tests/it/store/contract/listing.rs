//! Looking through the leads, the newest first.

use std::sync::Arc;

use leadgate::lead::{Lane, LeadId, ReasonCode, Status};
use leadgate::queue::listing::LOOKED_AT;
use leadgate::queue::{Cursor, Filter, Next, Page, Store};

use super::*;

const ANN: Digest = [1; 16];
const ANNS_PHONE: Digest = [2; 16];

/// Keeps so many leads of these accounts in turn; their ids, the newest first.
async fn keep_many(store: &Arc<dyn Store>, many: usize, accounts: &[&str]) -> Vec<LeadId> {
    let mut ids = Vec::new();
    for number in 0..many {
        let account = accounts[number % accounts.len()];
        ids.insert(
            0,
            keep(store, acceptance(lead_in(account, Lane::Normal))).await,
        );
    }
    ids
}

fn ids(page: &Page) -> Vec<LeadId> {
    page.leads.iter().map(|stored| stored.lead.id).collect()
}

/// Every lead that passes, in pages of `most`.
async fn all(store: &Arc<dyn Store>, filter: &Filter, most: usize) -> Vec<LeadId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(filter, after, most).await.unwrap();
        assert!(page.leads.len() <= most);
        found.extend(ids(&page));
        // A cursor goes through somebody's hands as text.
        after = page.next.map(|next| next.to_string().parse().unwrap());
        if after.is_none() {
            return found;
        }
    }
}

async fn listed(store: &Arc<dyn Store>, filter: Filter) -> Vec<LeadId> {
    all(store, &filter, 100).await
}

pub async fn leads_are_listed_newest_first_across_accounts(bench: &mut dyn Bench) {
    let store = bench.store();
    let page = store.list(&Filter::default(), None, 10).await.unwrap();
    assert!(page.leads.is_empty() && page.next.is_none());
    let kept = keep_many(store, 9, &["main", "other", "third"]).await;
    let page = store.list(&Filter::default(), None, 9).await.unwrap();
    assert_eq!(ids(&page), kept);
    assert_eq!(page.next, None, "nothing is left");
    let one = stored(store, kept[0]).await;
    let told = &page.leads[0];
    assert!(told.lead == one.lead && told.version == one.version && told.waits == one.waits);
}

pub async fn pages_follow_each_other_without_gap_or_repeat(bench: &mut dyn Bench) {
    let store = bench.store();
    let kept = keep_many(store, 230, &["main", "other", "third"]).await;
    for most in [1, 7, 100, 1000] {
        assert_eq!(all(store, &Filter::default(), most).await, kept, "{most}");
    }
}

pub async fn new_leads_do_not_shift_the_pages(bench: &mut dyn Bench) {
    let store = bench.store();
    let kept = keep_many(store, 6, &["main", "other"]).await;
    let first = store.list(&Filter::default(), None, 3).await.unwrap();
    assert_eq!(ids(&first), kept[..3]);
    keep_many(store, 3, &["main", "other"]).await;
    // Whatever becomes of a lead, its place among the others stays.
    let found = stored(store, kept[4]).await;
    assert!(amended(store, found, Next::Done).await);
    let second = store.list(&Filter::default(), first.next, 3).await.unwrap();
    assert_eq!(ids(&second), kept[3..]);
}

pub async fn a_filter_lists_what_it_names_and_nothing_else(bench: &mut dyn Bench) {
    let store = bench.store();
    let filter = Filter::default;
    let [parked, queued, elsewhere, bot] = [
        ("main", "web"),
        ("main", "web"),
        ("other", "web"),
        ("main", "bot"),
    ]
    .map(|(account, source)| {
        let mut lead = lead_in(account, Lane::Normal);
        lead.source = source.to_owned();
        lead
    });
    let names = [&parked, &queued, &elsewhere, &bot].map(|lead| lead.id);
    let received_at = parked.received_at;
    keep(store, acceptance(parked)).await;
    end(store, names[0], Status::Parked, Some(ReasonCode::NoSlots)).await;
    for lead in [queued, elsewhere, bot] {
        keep(store, acceptance(lead)).await;
    }
    let [parked, queued, elsewhere, bot] = names;
    for (filter, expected) in [
        (filter(), vec![bot, elsewhere, queued, parked]),
        (
            Filter {
                source: Some("bot".to_owned()),
                ..filter()
            },
            vec![bot],
        ),
        (
            Filter {
                account: Some("other".to_owned()),
                ..filter()
            },
            vec![elsewhere],
        ),
        (
            Filter {
                account: Some("nobody".to_owned()),
                ..filter()
            },
            vec![],
        ),
        (
            Filter {
                reason: Some(ReasonCode::NoSlots),
                ..filter()
            },
            vec![parked],
        ),
        (
            Filter {
                reason: Some(ReasonCode::KeyRefused),
                ..filter()
            },
            vec![],
        ),
        (
            Filter {
                from: Some(received_at),
                ..filter()
            },
            vec![bot, elsewhere, queued, parked],
        ),
        (
            Filter {
                until: Some(received_at),
                ..filter()
            },
            vec![],
        ),
        (
            Filter {
                status: Some(Status::Queued),
                source: Some("web".to_owned()),
                account: Some("main".to_owned()),
                ..filter()
            },
            vec![queued],
        ),
    ] {
        assert_eq!(listed(store, filter.clone()).await, expected, "{filter:?}");
    }
}

pub async fn a_status_is_listed_as_it_is_shown(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, acceptance(lead())).await;
    let of = |status| Filter {
        status: Some(status),
        ..Filter::default()
    };
    take(store).await.unwrap();
    assert_eq!(listed(store, of(Status::Booking)).await, [id]);
    assert!(listed(store, of(Status::Queued)).await.is_empty());
    bench.advance(LEASE + SLACK);
    assert!(listed(store, of(Status::Booking)).await.is_empty());
    assert_eq!(listed(store, of(Status::Queued)).await, [id]);
}

pub async fn a_person_is_found_whatever_became_of_the_lead(bench: &mut dyn Bench) {
    let store = bench.store();
    let of = |person: &[Digest]| Filter {
        person: person.to_vec(),
        ..Filter::default()
    };
    let freed = keep(store, of_person(&[ANN])).await;
    end(store, freed, Status::Parked, Some(ReasonCode::NoSlots)).await;
    let booked = keep(store, of_person(&[ANN, ANNS_PHONE])).await;
    end(store, booked, Status::Booked, None).await;
    keep(store, of_person(&[[9; 16]])).await;
    keep(store, acceptance(lead())).await;
    let duplicate = of_person(&[ANNS_PHONE]);
    let repeated = duplicate.lead.id;
    store.accept(duplicate).await.unwrap();

    assert_eq!(listed(store, of(&[ANN])).await, [booked, freed]);
    assert_eq!(
        listed(store, of(&[ANN, ANNS_PHONE])).await,
        [repeated, booked, freed]
    );
    assert!(listed(store, of(&[[7; 16]])).await.is_empty());
}

pub async fn an_erased_lead_is_found_by_nobody(bench: &mut dyn Bench) {
    let store = bench.store();
    let id = keep(store, of_person(&[ANN])).await;
    let of_ann = Filter {
        person: vec![ANN],
        ..Filter::default()
    };
    assert_eq!(listed(store, of_ann.clone()).await, [id]);
    end(store, id, Status::Erased, None).await;
    assert!(listed(store, of_ann).await.is_empty());
    assert_eq!(listed(store, Filter::default()).await, [id]);
}

pub async fn one_call_looks_at_a_bounded_number_of_leads(bench: &mut dyn Bench) {
    let store = bench.store();
    let mut rare = lead();
    rare.source = "rare".to_owned();
    let id = rare.id;
    keep(store, acceptance(rare)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = Arc::clone(store);
        tasks.spawn(async move { keep_many(&store, LOOKED_AT / 20, &[ACCOUNT]).await });
    }
    tasks.join_all().await;
    let filter = Filter {
        source: Some("rare".to_owned()),
        ..Filter::default()
    };
    let first = store.list(&filter, None, 10).await.unwrap();
    assert!(first.leads.is_empty(), "the whole store was looked through");
    let after: Option<Cursor> = first.next;
    assert!(after.is_some());
    let second = store.list(&filter, after, 10).await.unwrap();
    assert_eq!(ids(&second), [id]);
    assert_eq!(second.next, None);
}

pub async fn a_swept_lead_is_not_listed(bench: &mut dyn Bench) {
    let store = bench.store();
    let gone = keep(store, acceptance(lead())).await;
    end(store, gone, Status::Booked, None).await;
    let waits = keep(store, acceptance(lead())).await;
    bench.advance(DAY);
    assert_eq!(sweep(store, HOUR).await, 1);
    let page = store.list(&Filter::default(), None, 10).await.unwrap();
    assert_eq!((ids(&page), page.next), (vec![waits], None));
}
