//! More that is past its time than one sweep deletes.

use leadgate::queue::{Retention, Swept};

use super::bench;
use crate::store::contract::{Bench, HOUR, sweep};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_says_when_keys_are_left_also_when_no_lead_went() {
    let bench = bench().await;
    let db = rusqlite::Connection::open(bench.folder.path().join("leadgate.db")).unwrap();
    db.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50100)
         INSERT INTO person (digest, lead_id, until) SELECT randomblob(16), x'', 0 FROM n",
    )
    .unwrap();
    let store = bench.store();
    let swept = store.sweep(Retention { ended: HOUR }).await.unwrap();
    assert_eq!(
        swept,
        Swept {
            leads: 0,
            more: true
        }
    );
    assert_eq!(sweep(store, HOUR).await, 0);
    let left: i64 = db
        .query_row("SELECT count(*) FROM person", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}
