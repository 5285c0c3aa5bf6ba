use super::cohort::{Cohort, Judged, Observation};
use super::moment::{Born, Moment};

/// The cohorts that are open or wait for their members to end, oldest first.
///
/// The last one may be open, and no other. A ring, so that nothing is allocated; if it is full, the
/// open one stays open for longer.
#[derive(Clone, Debug)]
pub(super) struct Cohorts {
    ring: [Cohort; RING],
    first: usize,
    len: usize,
    epoch: u32,
    /// How many requests the open one takes in at least, and for how long.
    needed: f64,
    shortest_ns: f64,
    /// The oldest cannot be judged before so many samples or that time.
    due_samples: u64,
    due_ns: f64,
}

impl Cohorts {
    pub(super) fn new() -> Self {
        Self {
            ring: std::array::from_fn(|_| Cohort::default()),
            first: 0,
            len: 0,
            epoch: 0,
            needed: 0.0,
            shortest_ns: 0.0,
            due_samples: 0,
            due_ns: 0.0,
        }
    }

    /// The epoch of those that are started now.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Sets how large the open cohort and those after it have to be.
    pub(super) fn resize(&mut self, needed: f64, shortest_ns: f64) {
        self.needed = needed;
        self.shortest_ns = shortest_ns;
    }

    /// Adds a sample to the cohort in which it was started, if that has not been judged yet.
    pub(super) fn sort_in(&mut self, born: &Born, now: Moment, baseline_ln: Option<f64>) {
        if self.len == 0 {
            self.open(now.at_birth(born));
        }
        for back in 1..=self.len {
            let cohort = self.get(self.len - back);
            if cohort.opened_ns() <= born.at_ns {
                return cohort.add(born, baseline_ln);
            }
        }
    }

    /// Whether the oldest may be ready to be judged.
    #[inline]
    pub(super) fn is_due(&self, now: Moment) -> bool {
        now.samples >= self.due_samples || now.at_ns > self.due_ns
    }

    /// Takes out the oldest, if it can be judged; otherwise notes when to ask again.
    pub(super) fn judge(&mut self, now: Moment, patience_ns: f64) -> Option<Observation> {
        self.ask_again();
        if self.len == 0 {
            return None;
        }
        match self.get(0).judge(now, patience_ns) {
            Judged::Ready(observation) => {
                self.first = (self.first + 1) % RING;
                self.len -= 1;
                Some(observation)
            }
            Judged::Open => {
                // Asked again when it is closed.
                (self.due_samples, self.due_ns) = (u64::MAX, f64::INFINITY);
                None
            }
            Judged::Waits { samples, until_ns } => {
                self.due_samples = now.samples + samples;
                self.due_ns = until_ns;
                None
            }
        }
    }

    /// Closes the open cohort and opens the next one, if it is large enough. Returns whether it was.
    pub(super) fn turn(&mut self, now: Moment) -> bool {
        if self.len == 0 {
            self.open(now);
            return false;
        }
        let (needed, shortest_ns) = (self.needed, self.shortest_ns);
        let last = self.get(self.len - 1);
        let is_full = last.is_open()
            && last.started_until(now) >= needed
            && now.at_ns - last.opened_ns() >= shortest_ns;
        if !is_full || self.len == RING {
            return false;
        }
        self.get(self.len - 1).close(now);
        self.open(now);
        self.ask_again();
        true
    }

    /// Closes the open cohort whatever its size: what is started from now on is measured apart.
    pub(super) fn cut(&mut self, now: Moment) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.len > 0 {
            let last = self.get(self.len - 1);
            if last.is_open() && last.started_until(now) == 0.0 {
                self.len -= 1;
            } else if last.is_open() {
                last.close(now);
            }
        }
        if self.len == RING {
            self.first = (self.first + 1) % RING;
            self.len -= 1;
        }
        self.open(now);
        self.ask_again();
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.len = 0;
        self.ask_again();
    }

    /// Asks the oldest at the next sample, whatever it said before.
    pub(super) fn ask_again(&mut self) {
        (self.due_samples, self.due_ns) = (0, 0.0);
    }

    fn open(&mut self, opened: Moment) {
        let cohort = Cohort::open(opened, self.epoch);
        *self.get(self.len) = cohort;
        self.len += 1;
    }

    fn get(&mut self, index: usize) -> &mut Cohort {
        &mut self.ring[(self.first + index) % RING]
    }
}

const RING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    const MS: f64 = 1e6;

    /// One request has started, and one finished, per millisecond.
    fn moment(at_ms: u32) -> Moment {
        Moment {
            at_ns: f64::from(at_ms) * MS,
            started: u64::from(at_ms),
            finished: u64::from(at_ms),
            samples: u64::from(at_ms),
            ..Moment::default()
        }
    }

    fn born(at_ms: u32, limit: f64) -> Born {
        Born {
            at_ns: f64::from(at_ms) * MS,
            rtt_ln: MS.ln(),
            limit,
            in_flight: 1.0,
            outcome: Outcome::Success,
        }
    }

    fn open() -> Cohorts {
        let mut cohorts = Cohorts::new();
        cohorts.resize(10.0, 20.0 * MS);
        assert!(!cohorts.turn(moment(0)));
        cohorts
    }

    #[test]
    fn a_cohort_is_closed_when_it_is_large_and_old_enough() {
        let mut cohorts = open();
        assert!(!cohorts.turn(moment(19)), "too young");
        assert!(cohorts.turn(moment(20)));
        let few = Moment {
            started: 29,
            ..moment(60)
        };
        assert!(!cohorts.turn(few), "too small");
        assert!(cohorts.turn(moment(60)));
    }

    #[test]
    fn a_request_belongs_where_it_was_started_however_late_it_ends() {
        let mut cohorts = open();
        cohorts.turn(moment(20));
        for at_ms in 0..20 {
            cohorts.sort_in(&born(at_ms, 7.0), moment(50), None);
            cohorts.sort_in(&born(20 + at_ms, 9.0), moment(50), None);
        }
        cohorts.turn(moment(40));
        assert_eq!(cohorts.judge(moment(50), 1e12).unwrap().limit, 7.0);
        assert_eq!(cohorts.judge(moment(50), 1e12).unwrap().limit, 9.0);
        assert!(cohorts.judge(moment(50), 1e12).is_none());
    }

    #[test]
    fn a_cut_measures_apart_and_forgets_what_is_empty() {
        let mut cohorts = open();
        cohorts.cut(moment(0));
        assert_eq!((cohorts.len, cohorts.epoch()), (1, 1));
        cohorts.cut(moment(5));
        assert_eq!((cohorts.len, cohorts.epoch()), (2, 2));
        for at_ms in 0..5 {
            cohorts.sort_in(&born(at_ms, 7.0), moment(10), None);
        }
        let seen = cohorts.judge(moment(10), 1e12).unwrap();
        assert_eq!((seen.n, seen.epoch), (5.0, 1));
    }

    #[test]
    fn a_full_ring_keeps_its_last_open_and_a_cut_forgets_its_oldest() {
        let mut cohorts = open();
        let mut at_ms = 0;
        while cohorts.len < RING {
            at_ms += 20;
            assert!(cohorts.turn(moment(at_ms)));
        }
        assert!(!cohorts.turn(moment(at_ms + 500)));
        assert_eq!(cohorts.get(0).opened_ns(), 0.0);

        cohorts.cut(moment(at_ms + 500));

        assert_eq!(cohorts.len, RING);
        assert_eq!(cohorts.get(0).opened_ns(), 20.0 * MS);
        let last = cohorts.get(RING - 1);
        assert!(last.is_open());
        assert_eq!(last.opened_ns(), f64::from(at_ms + 500) * MS);
    }
}
