//! Runs of a few requests whose every number can be worked out by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_adaptive::{Aimd, Algorithm, Fixed, Outcome, Sample};
use tower_adaptive_sim::model::{
    AtLimit, Config, CountsAs, DeadlineCountsAs, Event, Maybe, Params, Service, Sim, Span, Tick,
};

/// A constant limit that keeps what it was taught.
#[derive(Clone)]
struct Recorder {
    limit: usize,
    samples: Arc<Mutex<Vec<Sample>>>,
}

impl Recorder {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            samples: Arc::default(),
        }
    }

    fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap().clone()
    }
}

impl Algorithm for Recorder {
    fn max_concurrency(&self) -> usize {
        self.limit
    }

    fn update(&mut self, sample: &Sample) {
        self.samples.lock().unwrap().push(sample.clone());
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One server, 10 ms each, no traffic but that of `events`.
fn config(set: impl FnOnce(&mut Params), events: Vec<Event>) -> Config {
    let mut config = Config::default();
    config.length = Span::from_secs(10);
    config.start.rate = 0.0;
    config.start.servers = 1;
    config.start.service = Service::Constant;
    set(&mut config.start);
    config.events = events;
    config.check().unwrap();
    config
}

fn burst(at_millis: u64, count: u32) -> Event {
    let mut event = Event::new(Span::from_millis(at_millis));
    event.burst = count;
    event
}

fn wait() -> AtLimit {
    AtLimit::Wait { room: Maybe::None }
}

fn run(config: &Config, recorder: &Recorder) -> Vec<Tick> {
    let of_client = recorder.clone();
    let mut sim = Sim::new(config, 1, move |_| of_client.clone(), None);
    sim.run_until(config.length);
    sim.take_ticks()
}

fn latencies(ticks: &[Tick]) -> Vec<u32> {
    let mut all: Vec<u32> = ticks.iter().flat_map(|t| t.latencies_us.clone()).collect();
    all.sort_unstable();
    all
}

fn sum(ticks: &[Tick], count: impl Fn(&Tick) -> u32) -> u32 {
    ticks.iter().map(count).sum()
}

#[test]
fn samples_say_what_happened_where_requests_are_rejected() {
    let config = config(|p| p.latency = Span::from_millis(4), vec![burst(1000, 3)]);
    let recorder = Recorder::new(2);
    let ticks = run(&config, &recorder);
    let sample = |rtt, in_flight, at, finished| {
        Sample::new(ms(rtt), in_flight, Outcome::Success)
            .at(ms(at))
            .limit(2)
            .finished(finished)
            .rejected(1)
            .started(2)
    };
    let expected = [sample(14, 1, 1014, 1), sample(24, 2, 1024, 2)];
    assert_eq!(recorder.samples(), expected);
    assert_eq!(latencies(&ticks), [14_000, 24_000]);
    assert_eq!(sum(&ticks, |tick| tick.rejected), 1);
}

#[test]
fn samples_say_what_happened_where_requests_wait() {
    let mut config = config(|p| p.latency = Span::from_millis(4), vec![burst(1000, 3)]);
    config.at_limit = wait();
    let recorder = Recorder::new(2);
    let ticks = run(&config, &recorder);
    let sample = |rtt, in_flight, at, waiting, finished| {
        Sample::new(ms(rtt), in_flight, Outcome::Success)
            .at(ms(at))
            .limit(2)
            .waiting(waiting)
            .finished(finished)
            .started(2.max(finished + 1).min(3))
    };
    // The third goes out when the first is back, and waits for the server until 1022.
    let expected = [
        sample(14, 1, 1014, 1, 1),
        sample(24, 2, 1024, 0, 2),
        sample(20, 2, 1034, 0, 3),
    ];
    assert_eq!(recorder.samples(), expected);
    assert_eq!(latencies(&ticks), [14_000, 24_000, 34_000]);
}

#[test]
fn a_plants_limiter_measures_without_the_network() {
    let mut config = config(|p| p.latency = Span::from_millis(4), vec![burst(1000, 3)]);
    config.at_plant_limit = AtLimit::Wait {
        room: Maybe::Some(1),
    };
    let (client, plant) = (Recorder::new(100), Recorder::new(1));
    let (of_client, of_plant) = (client.clone(), plant.clone());
    let mut sim = Sim::new(&config, 1, move |_| of_client.clone(), Some(of_plant));
    sim.run_until(config.length);
    // Two of three: the second waits in line, for the third there is no room.
    let rtts: Vec<_> = plant
        .samples()
        .iter()
        .map(|s| (s.rtt, s.in_flight))
        .collect();
    assert_eq!(rtts, [(ms(10), 1), (ms(10), 1)]);
    let seen: Vec<_> = client
        .samples()
        .iter()
        .map(|s| (s.rtt, s.outcome))
        .collect();
    let expected = [
        (ms(4), Outcome::Overload),
        (ms(14), Outcome::Success),
        (ms(24), Outcome::Success),
    ];
    assert_eq!(seen, expected);
    let ticks = sim.take_ticks();
    assert_eq!(sum(&ticks, |tick| tick.plant_rejected), 1);
    assert_eq!(sum(&ticks, |tick| tick.failed), 1);
}

#[test]
fn a_deadline_teaches_canceled_and_the_work_is_wasted() {
    let config = config(
        |p| p.deadline = Maybe::Some(Span::from_millis(15)),
        vec![burst(1000, 2)],
    );
    let recorder = Recorder::new(5);
    let ticks = run(&config, &recorder);
    let samples = recorder.samples();
    assert_eq!(samples.len(), 2);
    assert_eq!(
        (samples[0].rtt, samples[0].outcome),
        (ms(10), Outcome::Success)
    );
    // Its deadline has passed: by a nanosecond.
    let elapsed = ms(15) + Duration::from_nanos(1);
    assert_eq!(
        (samples[1].rtt, samples[1].outcome),
        (elapsed, Outcome::Canceled)
    );
    assert_eq!(sum(&ticks, |tick| tick.timed_out), 1);
    assert_eq!(sum(&ticks, |tick| tick.wasted), 1);
}

#[test]
fn a_deadline_that_comes_back_as_an_error_teaches_overload() {
    let config = config(
        |p| {
            p.deadline = Maybe::Some(Span::from_millis(15));
            p.deadline_counts_as = DeadlineCountsAs::Overload;
        },
        vec![burst(1000, 2)],
    );
    let recorder = Recorder::new(5);
    let ticks = run(&config, &recorder);
    let elapsed = ms(15) + Duration::from_nanos(1);
    let outcomes: Vec<_> = recorder
        .samples()
        .iter()
        .map(|s| (s.rtt, s.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [(ms(10), Outcome::Success), (elapsed, Outcome::Overload)]
    );
    assert_eq!(sum(&ticks, |tick| tick.timed_out), 1);
}

#[test]
fn who_gives_up_in_line_teaches_nothing_and_leaves_no_work() {
    let mut impatient = Event::new(Span::from_millis(1002));
    impatient.set.deadline = Some(Maybe::Some(Span::from_millis(5)));
    let events = vec![burst(1000, 2), impatient, burst(1003, 1)];
    let mut config = config(|_| {}, events);
    config.at_limit = wait();
    let recorder = Recorder::new(1);
    let ticks = run(&config, &recorder);
    let seen: Vec<_> = recorder
        .samples()
        .iter()
        .map(|s| (s.outcome, s.waiting))
        .collect();
    assert_eq!(seen, [(Outcome::Success, 1), (Outcome::Success, 0)]);
    assert_eq!(sum(&ticks, |tick| tick.timed_out), 1);
    assert_eq!(sum(&ticks, |tick| tick.wasted), 0);
}

#[test]
fn a_response_at_the_deadline_is_in_time_and_at_the_slo_is_good() {
    for latency in [0, 4] {
        let mut config = config(
            |p| {
                p.latency = Span::from_millis(latency);
                p.deadline = Maybe::Some(Span::from_millis(20 + latency));
            },
            vec![burst(1000, 2)],
        );
        config.slo = Span::from_millis(10 + latency);
        let ticks = run(&config, &Recorder::new(5));
        let counts = [
            sum(&ticks, |tick| tick.good),
            sum(&ticks, |tick| tick.late),
            sum(&ticks, |tick| tick.timed_out),
        ];
        assert_eq!(counts, [1, 1, 0], "latency {latency}");
    }
}

#[test]
fn the_line_is_first_come_first_served_and_as_long_as_it_says() {
    let events = vec![
        burst(1000, 1),
        burst(1001, 1),
        burst(1002, 1),
        burst(1003, 1),
    ];
    let mut config = config(|_| {}, events);
    config.at_limit = AtLimit::Wait {
        room: Maybe::Some(2),
    };
    let ticks = run(&config, &Recorder::new(1));
    assert_eq!(latencies(&ticks), [10_000, 19_000, 28_000]);
    assert_eq!(sum(&ticks, |tick| tick.rejected), 1);
}

#[test]
fn retries_back_off_and_the_user_waits_from_the_first_attempt_on() {
    let config = config(
        |p| {
            p.queue = Maybe::Some(0);
            p.service_time = Span::from_secs(1);
            p.retries = 5;
            p.backoff = Span::from_millis(200);
        },
        vec![burst(1000, 2)],
    );
    let mut config = config;
    config.slo = Span::from_millis(1500);
    let mut sim = Sim::new(&config, 1, |_| Fixed::new(10), None);
    let mut begun = Vec::new();
    for millis in 0..config.length.secs() as u64 * 1000 {
        sim.run_until(Span::from_millis(millis));
        while begun.len() < sim.totals().attempts as usize {
            begun.push(millis);
        }
    }
    let gaps: Vec<u64> = begun
        .windows(2)
        .skip(1)
        .map(|pair| pair[1] - pair[0])
        .collect();
    let mut total = 0;
    for (gap, mean) in gaps.iter().zip([200, 400, 800, 1600]) {
        assert!((mean / 2..=mean * 3 / 2 + 1).contains(gap), "{gaps:?}");
        total += gap;
    }
    let ticks = sim.take_ticks();
    assert_eq!(sum(&ticks, |tick| tick.refused), gaps.len() as u32);
    // The last attempt is served for a second.
    let slowest = *latencies(&ticks).last().unwrap();
    assert!(
        u64::from(slowest).abs_diff((total + 1000) * 1000) < 2000,
        "{slowest} {gaps:?}"
    );
    assert_eq!(
        (sum(&ticks, |tick| tick.good), sum(&ticks, |tick| tick.late)),
        (1, 1)
    );
}

#[test]
fn errors_are_as_many_as_they_should_and_count_as_they_should() {
    let with = |counts_as, time| {
        let config = config(
            |p| {
                p.rate = 5000.0;
                p.servers = 1000;
                p.retries = 1;
                p.error_rate = 0.2;
                p.error_counts_as = counts_as;
                p.error_time = time;
            },
            Vec::new(),
        );
        let recorder = Recorder::new(100_000);
        (run(&config, &recorder), recorder.samples())
    };
    let fast = Maybe::Some(Span::from_millis(1));
    let (ticks, samples) = with(CountsAs::Nothing, fast);
    let arrived = f64::from(sum(&ticks, |tick| tick.arrived));
    let errors = f64::from(sum(&ticks, |tick| tick.errors));
    // Five standard deviations.
    assert!(
        (errors / arrived - 0.2).abs() < 0.01,
        "{errors} of {arrived}"
    );
    assert_eq!(
        sum(&ticks, |tick| tick.attempts),
        sum(&ticks, |tick| tick.arrived)
    );
    assert!(
        samples
            .iter()
            .all(|s| s.outcome == Outcome::Success && s.rtt == ms(10))
    );
    assert_eq!(
        samples.last().unwrap().finished as f64 - samples.len() as f64,
        errors
    );

    let (ticks, samples) = with(CountsAs::Success, fast);
    assert_eq!(
        sum(&ticks, |tick| tick.attempts),
        sum(&ticks, |tick| tick.arrived)
    );
    let misleading = samples.iter().filter(|s| s.rtt == ms(1)).count();
    assert!((misleading as f64 / arrived - 0.2).abs() < 0.01);

    // A fifth is tried again, and a fifth of that fails again; these fail after their work.
    let (ticks, samples) = with(CountsAs::Overload, Maybe::None);
    let attempts = f64::from(sum(&ticks, |tick| tick.attempts));
    assert!((attempts / arrived - 1.2).abs() < 0.01, "{attempts}");
    let overloads = samples.iter().filter(|s| s.outcome == Outcome::Overload);
    assert!(overloads.clone().all(|s| s.rtt == ms(10)));
    assert!((overloads.count() as f64 / attempts - 0.2).abs() < 0.01);
}

#[test]
fn refusals_take_their_time_and_count_as_they_should() {
    for (counts_as, outcome) in [
        (CountsAs::Overload, Some(Outcome::Overload)),
        (CountsAs::Success, Some(Outcome::Success)),
        (CountsAs::Nothing, None),
    ] {
        let config = config(
            |p| {
                p.queue = Maybe::Some(0);
                p.refusal_time = Span::from_millis(3);
                p.refusal_counts_as = counts_as;
            },
            vec![burst(1000, 2)],
        );
        let recorder = Recorder::new(5);
        let ticks = run(&config, &recorder);
        assert_eq!(sum(&ticks, |tick| tick.refused), 1);
        assert_eq!(sum(&ticks, |tick| tick.failed), 1);
        let first = recorder
            .samples()
            .first()
            .filter(|s| s.rtt == ms(3))
            .map(|s| s.outcome);
        assert_eq!(first, outcome);
    }
}

#[test]
fn a_black_hole_swallows_requests_and_responses_and_only_deadlines_end_them() {
    // The first is answered in it, the second comes to it, the third when it is over.
    let mut hole = Event::new(Span::from_millis(1005));
    hole.set.black_hole = Some(true);
    hole.set.deadline = Some(Maybe::Some(Span::from_millis(300)));
    let mut healed = Event::new(Span::from_millis(1100));
    healed.set.black_hole = Some(false);
    let events = vec![burst(1000, 1), hole, burst(1050, 1), healed, burst(1200, 1)];
    let config = config(|_| {}, events);
    let recorder = Recorder::new(5);
    let ticks = run(&config, &recorder);
    let seen: Vec<_> = recorder
        .samples()
        .iter()
        .map(|s| (s.at.as_millis(), s.outcome))
        .collect();
    // The first began without a deadline; it has one from when it was lost, at 1010.
    let expected = [
        (1210, Outcome::Success),
        (1310, Outcome::Canceled),
        (1350, Outcome::Canceled),
    ];
    assert_eq!(seen, expected);
    assert_eq!(sum(&ticks, |tick| tick.timed_out), 2);
    assert_eq!(ticks.last().map(|tick| tick.in_flight), Some(0.0));
}

#[test]
fn a_request_has_the_same_service_time_whatever_became_of_others() {
    let with = |limit| {
        let config = config(
            |p| {
                p.servers = 10;
                p.service = Service::Lognormal;
                p.service_cv = 2.0;
            },
            vec![burst(1000, 2), burst(5000, 1)],
        );
        let ticks = run(&config, &Recorder::new(limit));
        ticks
            .split_at(45)
            .1
            .iter()
            .flat_map(|tick| tick.latencies_us.clone())
            .collect()
    };
    // Of the first two, one is rejected.
    let (both, one): (Vec<u32>, Vec<u32>) = (with(2), with(1));
    assert_eq!(both.len(), 1);
    assert_eq!(both, one);
}

#[test]
fn a_rejection_does_not_change_a_requests_service_time() {
    let with = |limit| {
        let config = config(
            |p| {
                p.servers = 10;
                p.service = Service::Lognormal;
                p.service_cv = 2.0;
                (p.retries, p.backoff) = (10, Span::from_millis(100));
            },
            vec![burst(1000, 2)],
        );
        let recorder = Recorder::new(limit);
        run(&config, &recorder);
        let mut rtts: Vec<_> = recorder.samples().iter().map(|sample| sample.rtt).collect();
        rtts.sort_unstable();
        rtts
    };
    let (both, one_after_the_other) = (with(2), with(1));
    assert_eq!(both.len(), 2);
    assert_eq!(both, one_after_the_other);
}

#[test]
fn requests_are_spread_over_the_instances_evenly() {
    let config = config(
        |p| {
            (p.rate, p.servers, p.instances) = (10_000.0, 1000, 4);
        },
        Vec::new(),
    );
    let ticks = run(&config, &Recorder::new(100_000));
    for instance in 0..4 {
        let good = f64::from(sum(&ticks, |tick| {
            tick.good_of.get(instance).copied().unwrap_or(0)
        }));
        assert!((good / 25_000.0 - 1.0).abs() < 0.03, "{instance}: {good}");
    }
}

#[test]
fn another_algorithm_takes_over_the_limit_that_there_is() {
    let config = config(|_| {}, Vec::new());
    let boxed = |limit| move |_| Box::new(Fixed::new(limit)) as Box<dyn Algorithm>;
    let mut sim = Sim::new(&config, 1, boxed(33), Some(boxed(44)(0)));
    sim.set_algorithm(|_| Box::new(Aimd::default()));
    sim.set_plant_algorithm(Some(Box::new(Aimd::default())));
    assert_eq!(sim.instances().next().unwrap()[0], 33);
    assert_eq!(sim.plant_limiter().unwrap().0, 44);
    sim.replace_algorithm(|_| Box::new(Aimd::default()));
    assert_eq!(sim.instances().next().unwrap()[0], 20);
}

#[test]
fn a_new_limit_admits_those_who_wait() {
    let mut config = config(|p| p.servers = 10, vec![burst(1000, 10)]);
    config.at_limit = wait();
    let mut sim = Sim::new(&config, 1, |_| Fixed::new(2), None);
    sim.run_until(Span::from_millis(1001));
    assert_eq!(sim.instances().next(), Some([2, 2, 8]));
    sim.replace_algorithm(|_| Fixed::new(6));
    assert_eq!(sim.instances().next(), Some([6, 6, 4]));
}

#[test]
fn a_plants_line_is_let_in_when_its_limiter_goes() {
    let mut config = config(|p| p.servers = 10, vec![burst(1000, 10)]);
    config.at_plant_limit = wait();
    let mut sim = Sim::new(&config, 1, |_| Fixed::new(100), Some(Fixed::new(2)));
    sim.run_until(Span::from_millis(1001));
    assert_eq!(sim.servers(), (2, 0));
    sim.set_plant_algorithm(None);
    assert_eq!(sim.servers(), (10, 0));
    // A new one starts from nothing.
    sim.set_plant_algorithm(Some(Fixed::new(3)));
    assert_eq!(sim.plant_limiter(), Some((3, 0)));
    sim.run_until(config.length);
    assert_eq!(sim.totals().succeeded, 10);
}

#[test]
fn a_hundred_thousand_refused_one_after_the_other_do_not_pile_up_on_the_stack() {
    for plant in [None, Some(Fixed::new(1))] {
        let mut fewer = Event::new(Span::from_secs(1));
        fewer.set.servers = Some(8);
        let start = |p: &mut Params| {
            (p.clients, p.servers, p.queue) = (100_000, 100, Maybe::Some(8));
            p.think_time = Span::from_secs(100);
        };
        let mut config = config(start, vec![fewer]);
        config.at_limit = wait();
        let mut sim = Sim::new(&config, 1, |_| Fixed::new(40), plant);
        sim.run_until(Span::from_secs(2));
        let totals = sim.totals();
        assert_eq!(
            totals.arrived,
            totals.succeeded + totals.failed + totals.pending
        );
    }
}

#[test]
fn a_service_time_beyond_all_bounds_is_only_very_long() {
    let mut slow = Event::new(Span::from_secs(1));
    slow.set.service_time = Some(Span::from_secs(3600));
    slow.set.contention = Some(10.0);
    let config = config(|p| p.rate = 900_000.0, vec![slow]);
    let mut sim = Sim::new(&config, 1, |_| Fixed::new(1 << 30), None);
    sim.run_until(Span::from_secs(2));
    // The server has at most the one that it had begun before.
    let ticks = sim.take_ticks();
    assert!(sum(&ticks[11..], Tick::answered) <= 1);
}

#[test]
fn clients_that_think_of_nothing_make_progress() {
    for queue in [Maybe::Some(0), Maybe::None] {
        let start = |p: &mut Params| {
            (p.clients, p.think_time) = (50, Span::from_nanos(1));
            (p.service_time, p.queue) = (Span::from_nanos(1), queue);
        };
        let mut sim = Sim::new(&config(start, Vec::new()), 1, |_| Fixed::new(1), None);
        assert!(
            sim.run_at_most(Span::from_millis(100), 10_000_000),
            "{:?}",
            sim.now()
        );
    }
}

#[test]
fn a_limiter_that_joins_has_its_limit_as_mean_from_the_first_tick_on() {
    let mut joins = Event::new(Span::from_millis(1050));
    joins.set.instances = Some(2);
    let ticks = run(&config(|_| {}, vec![joins]), &Recorder::new(100));
    assert_eq!((ticks[9].limit, ticks[10].limit), (100.0, 200.0));
}
