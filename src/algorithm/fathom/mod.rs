mod baseline;
mod builder;
mod cohort;
mod cohorts;
mod experiment;
mod judgment;
mod law;
mod level;
mod moment;
mod spread;

use std::time::Duration;

use self::baseline::Baseline;
use self::cohorts::Cohorts;
use self::experiment::{Experiment, Point};
use self::level::{Level, Peak};
use self::moment::{Born, Moment};
use self::spread::Spread;
use super::estimate::{from_ns, to_ns};
use super::{Algorithm, Bounds, Report, Verdict};
use crate::{Outcome, Sample};

pub use self::builder::FathomBuilder;

/// Knows a queue from a slow dependency: it lowers the limit and looks whether latency falls with it.
///
/// The one to try first. It has nothing to tune, starts anywhere, and tells what it has found
/// ([`Report::verdict`]). How it works, what it stands on and what it cannot see is in
/// [`guides::how_fathom_works`](crate::guides::how_fathom_works); in short:
///
/// - **Cohorts.** What is measured are the requests that were *started* in an interval, so that what
///   is measured is what the limit of that interval caused. Their RTT is the mean of its
///   logarithm, which a few slow ones do not move much.
/// - **Law.** By Little's law, the throughput of a cohort is its limit ÷ its RTT. The limit that this
///   throughput would need without a queue is throughput × baseline, the *knee*; the limit is held
///   a little above it:
///
///   ```text
///   limit = knee + headroom × (0.04 × knee + 0.5 × √limit)
///   ```
/// - **Experiments.** Where that would be a large step down, the step is an experiment. If latency falls with
///   the limit, it was a queue; if it stays, the work itself has become slower, and the baseline is what
///   it takes now. Now and then there is one without such a reason.
///
/// The limit stays at no more than twice what was in flight in the last half minute, or at 20: more was
/// never tested. A larger initial limit holds until the first response.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Algorithm, Fathom, Outcome, Sample};
///
/// let mut fathom = Fathom::default();
/// for ms in 1..=100 {
///     let sample = Sample::new(Duration::from_millis(20), 3, Outcome::Success)
///         .at(Duration::from_millis(10 * ms));
///     fathom.update(&sample);
/// }
/// assert_eq!(fathom.max_concurrency(), 20); // nobody was kept out
/// assert_eq!(fathom.report().phase, Some("steady"));
/// assert_eq!(fathom.report().baseline.map(|rtt| rtt.as_millis()), Some(20));
/// ```
///
/// # Differences
///
/// There is no model in Netflix's library. Of the rules that hold in all algorithms, three are read in its own
/// way:
///
/// - Every overload lowers the limit, by a part that grows with the share of overloads in the last
///   hundred samples: 2% if there is nothing else, next to nothing if they are one in ten. A service that
///   fails now and then for other reasons keeps its limit.
/// - It also rises where requests were kept out, whatever was in flight, and back to where it was after an
///   experiment or a retreat.
/// - If nothing but canceled requests and slow failures comes back, the limit falls to a tenth at once, and
///   returns to half of where it was with the first healthy cohort.
#[derive(Clone, Debug)]
pub struct Fathom {
    limit: f64,
    /// What is enforced: the limit, which only a success raises, and the same in whole requests.
    published: f64,
    enforced: usize,
    bounds: Bounds,
    baseline: Option<Baseline>,
    spread: Spread,
    level: Level,
    phase: Phase,
    /// Whether the limit doubles while there is no queue.
    ramp: Ramp,
    verdict: Option<Verdict>,
    /// What experiments have found above a baseline that seems sure.
    doubt: Point,
    /// When the last experiment ended, and for how long there is none without a reason.
    rested_ns: f64,
    pause_ns: f64,
    /// When the baseline last drifted.
    drifted_ns: f64,
    /// The most in flight, and the most in flight without a queue.
    demand: Peak,
    healthy: Peak,
    trouble: Trouble,
    now: Moment,
    cohorts: Cohorts,
    patience_ns: f64,
    headroom: f64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    StartUp,
    Steady,
    Experiment(Experiment),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ramp {
    /// From the start, until there is a queue or the baseline is sure.
    First,
    /// After a queue has gone, back to where there was none before.
    Back,
    Over,
}

/// What is known of failures.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    /// The share of overloads in the last samples.
    overloads: f64,
    /// Canceled requests and slow failures since the last success.
    silent: f64,
    /// When the last success came.
    heard_ns: f64,
    /// By how much, as a logarithm, those who give up on the slowest make the others look slow while
    /// nobody is kept out.
    impatience: f64,
    /// When the limit was last lowered for silence.
    silenced_ns: f64,
    /// The limit before that, to return to.
    resume: Option<f64>,
}

impl Fathom {
    fn new(initial_limit: usize, bounds: Bounds, headroom: f64) -> Self {
        let limit = initial_limit as f64;
        let mut fathom = Self {
            limit,
            published: limit,
            enforced: initial_limit,
            bounds,
            baseline: None,
            spread: Spread::new(),
            level: Level::default(),
            phase: Phase::StartUp,
            ramp: Ramp::First,
            verdict: None,
            doubt: Point::default(),
            rested_ns: 0.0,
            pause_ns: judgment::SHORTEST_PAUSE_NS,
            drifted_ns: 0.0,
            demand: Peak::default(),
            healthy: Peak::default(),
            trouble: Trouble::default(),
            now: Moment::default(),
            cohorts: Cohorts::new(),
            patience_ns: Spread::new().patience_ns(None),
            headroom,
        };
        fathom.resize();
        fathom
    }

    #[cold]
    fn judge(&mut self) {
        while let Some(seen) = self.cohorts.judge(self.now, self.patience_ns) {
            self.learn(&seen);
            self.reckon_patience();
        }
        self.cap();
    }

    /// The phase outside of experiments.
    fn calm_phase(&self) -> Phase {
        match self.baseline {
            Some(_) => Phase::Steady,
            None => Phase::StartUp,
        }
    }

    fn publish(&mut self) {
        self.published = self.limit;
        self.enforced = self.limit.round() as usize;
    }

    /// What was in flight tells what is needed; more was never tested.
    fn cap(&mut self) {
        let cap = (2.0 * self.demand.get()).max(RESTING);
        if self.limit > cap && !matches!(self.phase, Phase::Experiment(_)) {
            self.set(cap);
        }
    }

    fn reckon_patience(&mut self) {
        self.patience_ns = self.spread.patience_ns(self.baseline.map(Baseline::ln));
        self.cohorts.ask_again();
    }

    fn set(&mut self, limit: f64) {
        self.limit = self.bounds.clamp_f64(limit);
    }
}

impl Algorithm for Fathom {
    fn max_concurrency(&self) -> usize {
        self.enforced
    }

    fn update(&mut self, sample: &Sample) {
        self.now.advance(sample);
        let born = Born::new(sample, self.published);
        if born.outcome == Outcome::Success {
            self.spread.add(born.rtt_ln);
        }
        self.demand.add(born.in_flight, self.now.at_ns);
        let baseline_ln = self.baseline.map(Baseline::ln);
        self.cohorts.sort_in(&born, self.now, baseline_ln);
        self.listen(&born);
        if self.now.samples % RECKONED == 0 {
            // Or a cohort that is waited for would say how long.
            self.reckon_patience();
        }
        if self.cohorts.is_due(self.now) {
            self.judge();
        }
        if self.cohorts.turn(self.now) {
            self.turned();
        }
        if self.baseline.is_none() {
            self.cap();
        }
        let falls = self.limit < self.published;
        if falls || self.limit > self.published && born.outcome == Outcome::Success {
            self.publish();
        }
    }

    /// Keeps the baseline, and starts a new cohort. The clock and the totals may be those of another
    /// limiter from here on.
    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        self.bounds = bounds;
        self.set(limit as f64);
        self.publish();
        self.phase = self.calm_phase();
        self.level = Level::default();
        self.trouble = Trouble::default();
        self.cohorts.clear();
        self.now = Moment::default();
        self.rested_ns = 0.0;
        self.drifted_ns = 0.0;
        self.resize();
    }

    fn restore(&mut self, baseline: Duration) {
        // Enough to steer by, and little enough for what comes to correct it.
        self.baseline = Some(Baseline::new(to_ns(baseline).ln(), RESTORED));
        self.phase = self.calm_phase();
        self.reckon_patience();
    }

    fn report(&self) -> Report {
        let phase = match self.phase {
            Phase::StartUp => "start-up",
            Phase::Steady => "steady",
            Phase::Experiment(_) => "experiment",
        };
        let mut report = Report::new()
            .algorithm("fathom")
            .bounds(self.bounds)
            .phase(phase);
        report.verdict = self.verdict;
        if let Some(baseline) = self.baseline {
            report.baseline = Some(from_ns(baseline.ln().exp()));
            if self.level.cohorts > 0.0 {
                let share = 1.0 - (baseline.ln() - self.level.rtt_ln).exp();
                report.queue = Some((self.level.limit_ln.exp() * share).max(0.0));
            }
        }
        report
    }
}

/// The limit that an idle service may keep.
const RESTING: f64 = 20.0;

/// Patience is reckoned anew after so many samples.
const RECKONED: u64 = 64;

/// For how many requests a baseline counts that was learned before: less than makes it sure.
const RESTORED: f64 = 100.0;
