//! Notices that this version cannot read.

use leadgate::lead::EventType;
use leadgate::queue::StoreError;
use leadgate::queue::notices::{Delivery, Subscription};

use super::bench;
use crate::store::contract::{Bench, LEASE, acceptance, keep, lead};

const RECEIVER: &str = "crm";

#[tokio::test]
async fn a_notice_that_cannot_be_read_bars_no_other() {
    let bench = bench().await;
    let store = bench.store();
    store.subscribe(vec![Subscription {
        receiver: RECEIVER.to_owned(),
        events: vec![EventType::Received],
        sources: None,
    }]);
    keep(store, acceptance(lead())).await;
    let next = keep(store, acceptance(lead())).await;
    let db = rusqlite::Connection::open(bench.folder.path().join("leadgate.db")).unwrap();
    let changed = db.execute(
        "UPDATE notices SET event = 'lead.of_a_later_version' WHERE seq = 1",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
    let unread = store.claim_notice(RECEIVER, LEASE).await.err();
    assert!(matches!(unread, Some(StoreError::Unreadable(_))));
    let claim = store.claim_notice(RECEIVER, LEASE).await.unwrap().unwrap();
    assert_eq!(claim.notice.lead, next);
    store.settle_notice(claim, Delivery::Done).await.unwrap();
}
