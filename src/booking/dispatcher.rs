//! One loop per account and step: wait for due work, take a permit, claim, hand both to the worker. And the stop.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::iclosed::Endpoint;
use crate::lead::{Lane, Step};
use crate::queue::{Claim, StoreError, Switch, due, switches};
use crate::retry;
use crate::telemetry::events;

use super::{Worker, principal_endpoint};

/// The pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Leads of sources that rest and are put off under one permit: it must be used soon, or go back.
const PUT_OFF_AT_ONCE: usize = 32;

/// The running loops of every account.
#[derive(Clone, Default)]
pub struct Dispatchers {
    stop: CancellationToken,
    loops: TaskTracker,
    work: TaskTracker,
}

impl Dispatchers {
    /// Starts the loops of one account.
    pub fn start(&self, worker: &Arc<Worker>) {
        for (step, endpoint) in Step::ALL
            .into_iter()
            .filter_map(|step| Some((step, principal_endpoint(step)?)))
        {
            let (worker, stop, work) = (Arc::clone(worker), self.stop.clone(), self.work.clone());
            self.loops.spawn(async move {
                stop.run_until_cancelled(run(worker, step, endpoint, work))
                    .await;
            });
        }
    }

    /// Runs something beside the loops, until they are stopped.
    pub fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.loops.spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }

    /// Where other work on leads is counted too, so that [`Dispatchers::stop`] waits for it.
    pub fn work(&self) -> &TaskTracker {
        &self.work
    }

    /// Claims no more and waits for the work in hand, at most until `deadline`. Returns how many pieces of work were
    /// left; their leads come back when their leases lapse.
    pub async fn stop(&self, deadline: Duration) -> usize {
        self.stop.cancel();
        self.loops.close();
        self.loops.wait().await;
        self.work.close();
        // Out of time is an answer too: what is left is counted.
        tokio::time::timeout(deadline, self.work.wait()).await.ok();
        self.work.len()
    }
}

async fn run(worker: Arc<Worker>, step: Step, endpoint: Endpoint, work: TaskTracker) {
    loop {
        if let Err(error) = turn(&worker, step, endpoint, &work).await {
            events::store_failed("hand out work", None, &error);
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }
}

/// Waits for one due lead and starts its work.
async fn turn(
    worker: &Arc<Worker>,
    step: Step,
    endpoint: Endpoint,
    work: &TaskTracker,
) -> Result<(), StoreError> {
    let account = worker.pace.account();
    worker.switches.until_account_works(account).await;
    due::wait_for_due(&*worker.store, account, step).await?;
    let permit = match step {
        // Whoever knows a webhook's address may ask for this. Lost answers, at the same endpoint, go first.
        Step::Confirm => worker.pace.spare_permit(endpoint).await?,
        _ => worker.pace.permit(endpoint, Lane::Normal).await?,
    };
    // The permit may have taken a window to come; by now another lead can be first in line, or none be left, or the
    // account rest.
    if worker.switches.account(account).is_some() {
        return Ok(());
    }
    for _ in 0..PUT_OFF_AT_ONCE {
        let Some(claim) = worker.store.claim(account, step, worker.lease()).await? else {
            break;
        };
        let Some(paused) = rests(worker, &claim) else {
            let worker = Arc::clone(worker);
            work.spawn(async move { worker.work(claim, permit).await });
            break;
        };
        switches::put_off(&*worker.store, claim, &paused, retry::chance()).await?;
    }
    Ok(())
}

/// The pause of the lead's source, where it stops this step. What was begun at iClosed is finished all the same.
fn rests(worker: &Worker, claim: &Claim) -> Option<Switch> {
    match claim.step {
        Step::Reconcile | Step::Cancel | Step::Confirm => None,
        Step::Fetch | Step::Qualify | Step::HandOver => worker.switches.source(&claim.lead.source),
        // The request of an open intent may have left.
        Step::Book if claim.lead.progress.intent.is_some() => None,
        Step::Book => worker.switches.source(&claim.lead.source),
    }
}
