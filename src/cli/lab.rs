//! `leadgate lab`: the failure lab, and how it is told to a person.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::progress::Screen;
use super::told_to_stop;
use super::voice::Voice;
use crate::app::REDIS_PREFIX;
use crate::lab::{self, Options, Progress, Recovery, Scale, Verdict};
use crate::queue::redis;

/// How large the experiment is.
#[derive(clap::Args)]
pub struct Flags {
    /// The Redis that several gateways share, one of its own: where other accounts have leads, the lab does not start.
    /// Without it, one gateway has the embedded store.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// How many people send leads; every twelfth sends four at once.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    leads: Option<u32>,
    /// How many gateways; with --redis 3, without it always 1.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20), value_name = "R")]
    replicas: Option<u32>,
    /// How often one of them is killed.
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=1000), value_name = "K")]
    kills: Option<u32>,
    /// Requests the pretend iClosed takes for each endpoint ...
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    limit: Option<u32>,
    /// ... in so many seconds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600), value_name = "S")]
    window_seconds: Option<u64>,
    /// About a minute instead of about three.
    #[arg(long)]
    quick: bool,
    /// The same number makes the same plan; without it, each run has another.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Runs an experiment and says what became of the promises.
pub async fn run(flags: Flags, voice: Voice) -> ExitCode {
    let options = match options(&flags) {
        Ok(options) => options,
        Err(why) => return voice.fail(&why),
    };
    if let Some(url) = &options.redis {
        match redis::accounts_at(url, REDIS_PREFIX)
            .await
            .map(|names| others(&names))
        {
            Ok(None) => {}
            Ok(Some(why)) => return voice.fail(why),
            Err(error) => return voice.fail(error),
        }
    }
    let folder = match tempfile::Builder::new().prefix("leadgate-lab-").tempdir() {
        Ok(folder) => folder,
        Err(error) => return voice.fail(format!("there is no temporary folder: {error}")),
    };
    let mut screen = Screen::new();
    screen.line(&announcement(&options));
    let ran = tokio::select! {
        ran = lab::run(&options, folder.path(), |progress| screen.show(|| progress_line(progress))) => Some(ran),
        () = told_to_stop() => None,
    };
    screen.finish();
    let verdict = match ran {
        None => return voice.fail("stopped before the end: there is no verdict"),
        Some(Err(error)) => {
            let kept = folder.keep();
            return voice.fail(format!(
                "{error}\n\nSettings and logs are kept in {}",
                kept.display()
            ));
        }
        Some(Ok(verdict)) => verdict,
    };
    let broken = verdict.broken();
    voice.tell(&json(&verdict, &broken, options.seed), || {
        table(&verdict, &broken)
    });
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    let kept = folder.keep();
    screen.line(&format!(
        "Settings and logs are kept in {}; --seed {} repeats the plan",
        kept.display(),
        options.seed
    ));
    ExitCode::FAILURE
}

/// Why the lab does not start on a Redis that holds leads of these accounts: its gateways would work on a store that
/// somebody else may live on.
fn others(accounts: &[String]) -> Option<String> {
    let others = accounts.iter().filter(|name| !lab::is_own(name));
    let others: Vec<&str> = others.map(String::as_str).collect();
    (!others.is_empty()).then(|| {
        format!(
            "this Redis holds leads of accounts that are not the lab's ({}): give the lab a Redis of its own",
            others.join(", ")
        )
    })
}

fn options(flags: &Flags) -> Result<Options, String> {
    let random = || getrandom::u64().map_err(|error| format!("there is no randomness: {error}"));
    Ok(Options {
        scale: scale(flags)?,
        redis: flags.redis.clone(),
        // Short enough to be typed again.
        seed: flags
            .seed
            .map_or_else(|| Ok(random()? % 1_000_000), Ok::<_, String>)?,
        run: format!("{:08x}", random()? as u32),
        program: std::env::current_exe()
            .map_err(|error| format!("this program's own file is not known: {error}"))?,
    })
}

/// What was asked for, over the sizes of a full or a quick run.
fn scale(flags: &Flags) -> Result<Scale, String> {
    let usual = if flags.quick {
        Scale::QUICK
    } else {
        Scale::FULL
    };
    let replicas = flags
        .replicas
        .unwrap_or(if flags.redis.is_some() { 3 } else { 1 });
    if replicas > 1 && flags.redis.is_none() {
        return Err(
            "the embedded store belongs to one gateway: --replicas needs --redis".to_owned(),
        );
    }
    Ok(Scale {
        leads: flags.leads.unwrap_or(usual.leads),
        replicas,
        kills: flags.kills.unwrap_or(usual.kills),
        limit: flags.limit.unwrap_or(usual.limit),
        window_seconds: flags.window_seconds.unwrap_or(usual.window_seconds),
    })
}

fn announcement(options: &Options) -> String {
    let Scale {
        leads,
        replicas,
        kills,
        limit,
        window_seconds,
    } = options.scale;
    let store = match &options.redis {
        Some(_) => "sharing a Redis",
        None => "with the embedded store",
    };
    format!(
        "people: {leads}; gateways: {replicas}, {store}; kills: {kills}; limit: {limit} per {window_seconds} s; seed: {}",
        options.seed
    )
}

fn progress_line(progress: &Progress) -> String {
    let Progress {
        elapsed,
        planned,
        sent,
        acknowledged,
        booked,
        waiting,
        kills,
        pauses,
    } = progress;
    let pauses = match pauses {
        0 => String::new(),
        pauses => format!(", {pauses} paused"),
    };
    format!(
        "{:4} s: {sent} of {planned} sent, {acknowledged} acknowledged, {booked} booked, {waiting} waiting; {kills} killed{pauses}",
        elapsed.as_secs()
    )
}

fn json(verdict: &Verdict, broken: &[String], seed: u64) -> serde_json::Value {
    let mut value = serde_json::json!(verdict);
    value["seed"] = seed.into();
    value["lost"] = verdict.lost().into();
    value["broken"] = broken.into();
    value
}

/// The verdict for a person.
fn table(verdict: &Verdict, broken: &[String]) -> String {
    let mut text = String::from("\n");
    let mut row = |name: &str, count: usize, note: &str| {
        // Writing into a string cannot fail.
        writeln!(
            text,
            "{}",
            format!("{name:<24}{count:>8}   {note}").trim_end()
        )
        .ok();
    };
    row("people", verdict.people, "");
    row("acknowledged", verdict.acknowledged, "");
    row("  booked", verdict.booked, "");
    row("  duplicates", verdict.duplicates, "");
    row(
        "  parked",
        verdict.parked.values().sum(),
        &parts(&verdict.parked),
    );
    for (status, count) in &verdict.other {
        row(&format!("  {status}"), *count, "");
    }
    row(
        "  lost",
        verdict.lost(),
        &lost(verdict.unknown, verdict.unended),
    );
    if verdict.never_acknowledged > 0 {
        row("never acknowledged", verdict.never_acknowledged, "");
    }
    if !verdict.refused.is_empty() {
        row(
            "refused",
            verdict.refused.values().sum(),
            &parts(&verdict.refused),
        );
    }
    row("booked twice", verdict.booked_twice, "");
    row("booked without a call", verdict.booked_without_call, "");
    row("killed", verdict.kills, "");
    if verdict.pauses > 0 {
        row("paused past the lease", verdict.pauses, "");
    }
    endpoints(&mut text, verdict);
    recoveries(&mut text, verdict);
    if broken.is_empty() {
        write!(
            text,
            "\nEvery promise held, in {:.0} s.",
            verdict.took_seconds
        )
        .ok();
    } else {
        write!(text, "\nBROKEN:").ok();
        for sentence in broken {
            write!(text, "\n  {sentence}").ok();
        }
    }
    text
}

fn endpoints(text: &mut String, verdict: &Verdict) {
    let most = format!(
        "most in any {} s of {} allowed",
        verdict.window_seconds, verdict.limit
    );
    writeln!(
        text,
        "\n{:<32}{:>9}{:>34}{:>18}",
        "asked of iClosed", "requests", most, "uncommanded 429s"
    )
    .ok();
    for (name, seen) in &verdict.endpoints {
        writeln!(
            text,
            "{name:<32}{:>9}{:>34}{:>18}",
            seen.requests, seen.most_in_any_window, seen.uncommanded_429s
        )
        .ok();
    }
}

fn recoveries(text: &mut String, verdict: &Verdict) {
    let rows = [
        ("start to ready", verdict.restart_to_ready),
        ("kill to next booking", verdict.kill_to_next_booking),
    ];
    if rows.iter().all(|(_, recovery)| recovery.is_none()) {
        return;
    }
    writeln!(text, "\n{:<32}{:>9}{:>9}", "recovery", "median", "longest").ok();
    for (name, recovery) in rows {
        if let Some(Recovery {
            median_seconds,
            max_seconds,
        }) = recovery
        {
            writeln!(
                text,
                "{name:<32}{median_seconds:>7.2} s{max_seconds:>7.2} s"
            )
            .ok();
        }
    }
}

fn parts<K: std::fmt::Display>(counts: &std::collections::BTreeMap<K, usize>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    parts.join(", ")
}

fn lost(unknown: usize, unended: usize) -> String {
    match (unknown, unended) {
        (0, 0) => String::new(),
        _ => format!("no longer known {unknown}, not ended {unended}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_with_somebody_elses_leads_is_refused() {
        for (accounts, named) in [
            (&[][..], None),
            (&["lab-0123abcd", "lab-89abcdef"], None),
            (&["lab-0123abcd", "main"], Some("(main)")),
            (&["client", "main"], Some("(client, main)")),
        ] {
            let accounts: Vec<String> = accounts.iter().map(|name| (*name).to_owned()).collect();
            let why = others(&accounts);
            assert_eq!(why.is_some(), named.is_some(), "{why:?}");
            assert!(why.is_none_or(|why| why.contains(named.unwrap())));
        }
    }
}
