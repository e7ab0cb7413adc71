//! The hand that makes the trouble of a plan, move by move.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Client;
use tokio::time::{sleep, sleep_until};

use super::board::{Board, count};
use super::plan::{self, Move, Trouble};
use super::replica::Replica;
use super::settings::REQUEST_TIMEOUT;
use super::{LabError, Scale};
use crate::sandbox::{Control, Fault, FaultKind};

/// How often processes are looked after when there is nothing else to do.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a 429 on command tells to wait.
const RETRY_AFTER_SECONDS: u64 = 1;

pub(super) struct Driver<'a> {
    pub client: &'a Client,
    pub board: &'a Board,
    pub replicas: &'a mut [Replica],
    pub control: &'a Control,
    pub scale: Scale,
}

impl Driver<'_> {
    /// Makes every move, then calms the scenery and looks after the processes for ever. Returns only when one of
    /// them does not do what it was told, or ends untold.
    pub(super) async fn drive(
        &mut self,
        moves: &[Move],
        start: tokio::time::Instant,
    ) -> Result<(), LabError> {
        for fault in plan::standing_faults(REQUEST_TIMEOUT * 2) {
            self.control.add_fault(fault);
        }
        for one in moves {
            sleep_until(start + one.at).await;
            self.all_live()?;
            self.make(&one.what).await?;
        }
        self.control.clear_faults();
        self.board.calm.set(true);
        loop {
            self.all_live()?;
            sleep(LOOK_EVERY).await;
        }
    }

    fn all_live(&mut self) -> Result<(), LabError> {
        self.replicas.iter_mut().try_for_each(Replica::lives)
    }

    async fn make(&mut self, trouble: &Trouble) -> Result<(), LabError> {
        match *trouble {
            Trouble::Kill { replica, dead } => self.kill(replica, dead).await,
            Trouble::Pause { replica } => {
                self.set_up(replica, false);
                count(&self.board.pauses);
                self.replicas.get(replica).map_or(Ok(()), Replica::pause)
            }
            Trouble::Continue { replica } => {
                self.replicas.get(replica).map_or(Ok(()), Replica::wake)?;
                self.set_up(replica, true);
                Ok(())
            }
            Trouble::Limited { endpoint } => {
                let kind = FaultKind::Limited {
                    retry_after_seconds: RETRY_AFTER_SECONDS,
                    points: self.scale.limit,
                    window_seconds: self.scale.window_seconds,
                };
                let mut commanded = self.board.commanded.borrow_mut();
                *commanded.entry(endpoint).or_default() += 1;
                self.control.add_fault(Fault::once(endpoint, kind));
                Ok(())
            }
        }
    }

    async fn kill(&mut self, number: usize, dead: Duration) -> Result<(), LabError> {
        self.set_up(number, false);
        let Some(replica) = self.replicas.get_mut(number) else {
            return Ok(());
        };
        self.board.killed_at.borrow_mut().push(wall_clock());
        replica.kill()?;
        sleep(dead).await;
        let began = Instant::now();
        replica.restart()?;
        replica.ready(self.client).await?;
        self.board.ready_after.borrow_mut().push(began.elapsed());
        self.set_up(number, true);
        Ok(())
    }

    fn set_up(&self, replica: usize, up: bool) {
        if let Some(cell) = self.board.up.get(replica) {
            cell.set(up);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "held against the times of the pretend iClosed, which has the system's clock"
)]
fn wall_clock() -> Timestamp {
    Timestamp::now()
}
