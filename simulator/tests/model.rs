//! The model against theory, and what must hold in every run.

use std::time::Duration;

use proptest::prelude::*;
use tower_adaptive::{Algorithm, Bounds, Finding, Fixed, Report, Sample, Vegas, Verdict};
use tower_adaptive_sim::model::{
    AtLimit, Change, Config, CountsAs, DeadlineCountsAs, Event, Maybe, Params, Service, Sim, Span,
    Tick, Totals,
};

/// Runs with a limit of the clients and returns all ticks.
fn run(config: &Config, seed: u64, limit: usize) -> Vec<Tick> {
    config.check().unwrap();
    let mut sim = Sim::new(config, seed, move |_| Fixed::new(limit), None);
    sim.run_until(config.length);
    sim.take_ticks()
}

fn no_limit() -> usize {
    Bounds::ALL.max()
}

fn config(length_secs: u64, start: Params) -> Config {
    let mut config = Config::default();
    config.length = Span::from_secs(length_secs);
    config.start = start;
    config
}

fn params(set: impl FnOnce(&mut Params)) -> Params {
    let mut params = Params::default();
    set(&mut params);
    params
}

/// The part of customers that finds all of `c` servers busy, if those are turned away (Erlang B).
fn erlang_b(c: u32, load: f64) -> f64 {
    (1..=c).fold(1.0, |b, n| load * b / (f64::from(n) + load * b))
}

/// The part of customers that has to wait for one of `c` servers (Erlang C).
fn erlang_c(c: u32, load: f64) -> f64 {
    let b = erlang_b(c, load);
    let utilization = load / f64::from(c);
    b / (1.0 - utilization * (1.0 - b))
}

fn mean_latency(ticks: &[Tick]) -> f64 {
    let all = ticks.iter().flat_map(|tick| &tick.latencies_us);
    let sum: f64 = all.clone().map(|us| f64::from(*us) / 1e6).sum();
    sum / all.count() as f64
}

#[test]
fn the_queue_of_c_servers_waits_as_erlang_says() {
    for (c, utilization) in [(1, 0.5), (1, 0.8), (8, 0.7), (32, 0.9_f64)] {
        let service = 0.01;
        let rate = utilization * f64::from(c) / service;
        // A queue forgets in a time that goes with 1 / (1 - sqrt(utilization))²; this many requests
        // leave an error of about 0.7%.
        let requests = 1e5 / (1.0 - utilization.sqrt()).powi(2);
        let length = (requests / 4.0 / rate) as u64;
        let config = config(
            length,
            params(|p| {
                p.rate = rate;
                p.servers = c;
            }),
        );
        let means = (1..=4).map(|seed| mean_latency(&run(&config, seed, no_limit())));
        let measured = means.sum::<f64>() / 4.0 - service;
        let load = rate * service;
        let expected = erlang_c(c, load) * service / (f64::from(c) - load);
        let ratio = measured / expected;
        println!(
            "c = {c}, {utilization}: waits {:.3} ms, {ratio:.4} of theory",
            measured * 1e3
        );
        assert!(
            (ratio - 1.0).abs() < 0.02,
            "c = {c}, {utilization}: {ratio}"
        );
    }
}

#[test]
fn general_service_times_wait_as_pollaczek_and_khinchine_say() {
    let spreads: [(Service, f64); 4] = [
        (Service::Constant, 0.0),
        (Service::Lognormal, 0.5),
        (Service::Lognormal, 2.0),
        (Service::Bimodal, 4.2 / 2.4),
    ];
    for (service, cv) in spreads {
        let start = params(|p| {
            p.servers = 1;
            p.service = service;
            p.service_cv = cv;
            p.service_time = Span::from_millis(1);
            p.slow_time = Span::from_millis(15);
            p.rate = 0.5 * p.capacity();
        });
        let mean = start.mean_service().secs();
        let config = config((4e6 / start.rate) as u64, start);
        let measured = mean_latency(&run(&config, 1, no_limit())) - mean;
        let expected = 0.5 / 0.5 * mean * (1.0 + cv * cv) / 2.0;
        let ratio = measured / expected;
        println!("{service:?}, cv {cv}: {ratio:.4} of theory");
        assert!((ratio - 1.0).abs() < 0.02, "{service:?}: {ratio}");
    }
}

#[test]
fn a_limit_without_a_queue_rejects_as_erlang_says() {
    for (c, utilization) in [(1, 1.0), (8, 0.8), (8, 2.0), (32, 1.0)] {
        let config = config(
            1600,
            params(|p| {
                p.servers = c;
                p.rate = utilization * p.capacity();
            }),
        );
        let ticks = run(&config, 1, c as usize);
        let arrived: u32 = ticks.iter().map(|tick| tick.arrived).sum();
        let rejected: u32 = ticks.iter().map(|tick| tick.rejected).sum();
        let ratio =
            f64::from(rejected) / f64::from(arrived) / erlang_b(c, utilization * f64::from(c));
        println!("c = {c}, {utilization}: {ratio:.4} of theory");
        assert!(
            (ratio - 1.0).abs() < 0.02,
            "c = {c}, {utilization}: {ratio}"
        );
    }
}

#[test]
fn what_is_in_flight_is_rate_times_time() {
    let config = config(
        600,
        params(|p| {
            p.rate = 2000.0;
            p.latency = Span::from_millis(7);
        }),
    );
    let ticks = run(&config, 3, no_limit());
    let in_flight = ticks.iter().map(|tick| tick.in_flight).sum::<f64>() / ticks.len() as f64;
    let answered: u32 = ticks.iter().map(Tick::answered).sum();
    let rate = f64::from(answered) / 600.0;
    let ratio = in_flight / (rate * mean_latency(&ticks));
    assert!((ratio - 1.0).abs() < 0.001, "{ratio}");
}

#[test]
fn pauses_take_their_share_of_the_capacity() {
    let config = config(
        2000,
        params(|p| {
            p.rate = 800.0;
            p.servers = 4;
            p.pause_every = Maybe::Some(Span::from_millis(900));
            p.pause_time = Span::from_millis(100);
        }),
    );
    // Always busy: what is served is what the servers can do in nine tenths of the time.
    let answered: u32 = run(&config, 5, 100).iter().map(Tick::answered).sum();
    let ratio = f64::from(answered) / (2000.0 * 400.0 * 0.9);
    assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
}

#[test]
fn contention_costs_what_it_says() {
    let with = |limit| {
        let config = config(
            200,
            params(|p| {
                p.rate = 2000.0;
                p.servers = 8;
                p.contention = 0.05;
            }),
        );
        let answered: u32 = run(&config, 5, limit).iter().map(Tick::answered).sum();
        f64::from(answered) / 200.0
    };
    // When one leaves, the next starts before another request is admitted: with 19 in the plant,
    // 11 beyond its servers, at 1.55 times the service time.
    let ratio = with(20) / (800.0 / 1.55);
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
}

#[test]
fn a_client_that_gives_up_leaves_its_work_behind() {
    let config = config(
        60,
        params(|p| {
            p.rate = 1600.0;
            p.servers = 8;
            p.deadline = Maybe::Some(Span::from_millis(50));
        }),
    );
    let ticks = run(&config, 1, no_limit());
    let late = &ticks[ticks.len() / 2..];
    let served: u32 = late.iter().map(|tick| tick.answered() + tick.wasted).sum();
    let wasted: u32 = late.iter().map(|tick| tick.wasted).sum();
    // The queue is far longer than the deadline: the servers do nothing but wasted work.
    assert!(served > 20_000 && wasted == served, "{wasted} of {served}");
}

#[test]
fn retries_without_a_limit_keep_an_overload_alive_that_is_over() {
    let with = |limit| {
        let mut config = config(
            120,
            params(|p| {
                p.rate = 640.0;
                p.servers = 8;
                p.deadline = Maybe::Some(Span::from_millis(100));
                p.retries = 3;
            }),
        );
        let mut trigger = Event::new(Span::from_secs(20));
        trigger.pause = Span::from_secs(5);
        config.events.push(trigger);
        let ticks = run(&config, 1, limit);
        let last = &ticks[ticks.len() - 300..];
        let good: u32 = last.iter().map(|tick| tick.good).sum();
        f64::from(good) / (30.0 * 640.0)
    };
    let (without, limited) = (with(no_limit()), with(16));
    assert!(without < 0.1, "{without}");
    assert!(limited > 0.95, "{limited}");
}

#[test]
fn a_closed_loop_has_no_more_in_flight_than_clients() {
    let mut config = config(
        30,
        params(|p| {
            p.rate = 0.0;
            p.clients = 200;
        }),
    );
    config.at_limit = AtLimit::Wait { room: Maybe::None };
    let ticks = run(&config, 1, 32);
    let last = &ticks[100..];
    for tick in last {
        assert!((tick.in_flight - 32.0).abs() < 0.5, "{tick:?}");
        assert!((tick.waiting - 168.0).abs() < 0.5, "{tick:?}");
    }
    let answered: u32 = last.iter().map(Tick::answered).sum();
    let ratio = f64::from(answered) / (20.0 * 3200.0);
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
}

#[test]
fn a_limiter_can_begin_to_wait() {
    let mut config = config(20, params(|p| p.rate = 6400.0));
    let mut event = Event::new(Span::from_secs(10));
    event.at_limit = Some(AtLimit::Wait {
        room: Maybe::Some(100),
    });
    config.events.push(event);
    let ticks = run(&config, 1, 32);
    let (before, after) = ticks.split_at(100);
    assert!(
        before
            .iter()
            .all(|tick| tick.waiting == 0.0 && tick.rejected > 0)
    );
    // The line is full as long as twice too many come, and those beyond it are rejected.
    assert!(
        after[1..]
            .iter()
            .all(|tick| tick.waiting > 90.0 && tick.rejected > 0)
    );
}

#[test]
fn a_straight_line_is_followed() {
    let mut config = config(20, params(|p| p.rate = 0.0));
    let mut event = Event::new(Span::from_secs(5));
    event.set.rate = Some(1000.0);
    event.over = Span::from_secs(10);
    config.events.push(event);
    let ticks = run(&config, 1, no_limit());
    assert_eq!(ticks[49].rate, 0.0);
    assert!((ticks[99].rate - 500.0).abs() < 5.0, "{}", ticks[99].rate);
    assert_eq!(ticks[150].rate, 1000.0);
    let arrived: u32 = ticks.iter().map(|tick| tick.arrived).sum();
    assert!(
        (f64::from(arrived) / 10_000.0 - 1.0).abs() < 0.03,
        "{arrived}"
    );
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_does_not() {
    let config = config(
        10,
        params(|p| {
            p.rate = 5000.0;
            p.retries = 1;
            p.error_rate = 0.1;
        }),
    );
    let run = |seed| {
        let vegas = |_| Vegas::builder().seed(1).build();
        let mut sim = Sim::new(&config, seed, vegas, None);
        sim.run_until(config.length);
        sim.take_ticks()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn everybody_sees_the_same_traffic_whatever_the_limit() {
    let config = config(10, params(|p| p.rate = 5000.0));
    let arrivals = |limit| -> Vec<u32> {
        let ticks = run(&config, 1, limit);
        ticks.iter().map(|tick| tick.arrived).collect()
    };
    assert_eq!(arrivals(3), arrivals(300));
}

#[test]
fn running_in_pieces_changes_nothing() {
    let config = config(5, params(|p| p.rate = 3000.0));
    let whole = run(&config, 1, 20);
    let mut sim = Sim::new(&config, 1, |_| Fixed::new(20), None);
    let mut pieces = Vec::new();
    while !sim.run_at_most(config.length, 17) {
        pieces.extend(sim.take_ticks());
    }
    pieces.extend(sim.take_ticks());
    assert_eq!(pieces, whole);
}

fn arbitrary_config() -> impl Strategy<Value = Config> {
    let span = |low: u64, high: u64| (low..high).prop_map(Span::from_millis);
    let maybe_span = |low, high| prop::option::of(span(low, high)).prop_map(maybe);
    let traffic = (
        0.0..3000.0,
        0u32..50,
        span(0, 50),
        0u32..4,
        span(0, 100),
        1u32..4,
    );
    let plant = (
        1u32..20,
        prop::option::of(0u32..30),
        0usize..4,
        span(1, 30),
        0.0..0.2,
        span(0, 20),
    );
    let trouble = (
        maybe_span(50, 500),
        span(0, 300),
        0.0..0.3,
        maybe_span(0, 5),
        0usize..3,
        maybe_span(5, 200),
        0usize..2,
    );
    let events = prop::collection::vec(
        (
            0u64..3000,
            0.0..3000.0,
            1u32..20,
            1u32..4,
            0u32..100,
            0u32..60,
            any::<bool>(),
        ),
        0..6,
    );
    let limiters = (
        prop::option::of(prop::option::of(0u32..20)),
        prop::option::of(prop::option::of(0u32..20)),
    );
    (traffic, plant, trouble, events, limiters).prop_map(
        |(traffic, plant, trouble, events, limiters)| {
            let mut config = config(
                3,
                params(|p| {
                    (
                        p.rate,
                        p.clients,
                        p.think_time,
                        p.retries,
                        p.backoff,
                        p.instances,
                    ) = traffic;
                    (p.servers, p.service_time, p.contention, p.latency) =
                        (plant.0, plant.3, plant.4, plant.5);
                    p.queue = maybe(plant.1);
                    p.service = [
                        Service::Constant,
                        Service::Exponential,
                        Service::Lognormal,
                        Service::Bimodal,
                    ][plant.2];
                    (p.pause_every, p.pause_time, p.error_rate, p.error_time) =
                        (trouble.0, trouble.1, trouble.2, trouble.3);
                    p.error_counts_as =
                        [CountsAs::Nothing, CountsAs::Success, CountsAs::Overload][trouble.4];
                    p.deadline = trouble.5;
                    p.deadline_counts_as =
                        [DeadlineCountsAs::Canceled, DeadlineCountsAs::Overload][trouble.6];
                }),
            );
            for (at, rate, servers, instances, burst, clients, black_hole) in events {
                let mut event = Event::new(Span::from_millis(at));
                let mut set = Change::default();
                (set.rate, set.servers, set.instances, set.clients) =
                    (Some(rate), Some(servers), Some(instances), Some(clients));
                set.black_hole = Some(black_hole && config.start.deadline != Maybe::None);
                event.set = set;
                event.burst = burst;
                event.over = Span::from_millis(at % 400);
                config.events.push(event);
            }
            config.sort_events();
            (config.at_limit, config.at_plant_limit) = (at_limit(limiters.0), at_limit(limiters.1));
            config
        },
    )
}

fn maybe<T>(value: Option<T>) -> Maybe<T> {
    value.map_or(Maybe::None, Maybe::Some)
}

fn at_limit(room: Option<Option<u32>>) -> AtLimit {
    room.map_or(AtLimit::Reject, |room| AtLimit::Wait { room: maybe(room) })
}

/// What may be done to a run from outside.
#[derive(Clone, Debug)]
enum Meddling {
    Limit(usize),
    PlantLimit(Option<usize>),
    Event(u32),
}

fn meddling() -> impl Strategy<Value = Meddling> {
    prop_oneof![
        (1usize..60).prop_map(Meddling::Limit),
        prop::option::of(1usize..40).prop_map(Meddling::PlantLimit),
        (0u32..100).prop_map(Meddling::Event),
    ]
}

fn vegas(limit: usize) -> Vegas {
    let builder = Vegas::builder().max_limit(limit.max(20));
    builder.initial_limit(limit).seed(1).build()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_is_lost_and_no_limit_is_exceeded(
        config in arbitrary_config(),
        limit in 1usize..60,
        plant in prop::option::of(1usize..40),
        meddlings in prop::collection::vec((0usize..30, meddling()), 0..4),
    ) {
        config.check().unwrap();
        let mut sim = Sim::new(&config, 1, move |_| vegas(limit), plant.map(vegas));
        let mut seen = Totals::default();
        let (mut servers, mut room) = (0, Some(0));
        for tick in 0.. {
            if sim.now() >= config.length {
                break;
            }
            for (_, meddling) in meddlings.iter().filter(|(at, _)| *at == tick) {
                match meddling.clone() {
                    Meddling::Limit(limit) => sim.set_algorithm(move |_| vegas(limit)),
                    Meddling::PlantLimit(limit) => sim.set_plant_algorithm(limit.map(vegas)),
                    Meddling::Event(burst) => {
                        let mut event = Event::new(sim.now());
                        event.burst = burst;
                        event.pause = Span::from_millis(u64::from(burst));
                        sim.insert(event);
                    }
                }
            }
            let end = Span::from_nanos(sim.now().nanos() + Sim::<Fixed>::TICK.nanos());
            while !sim.run_at_most(end, 1) {
                servers = servers.max(sim.params().servers as usize);
                room = room.zip(sim.params().queue.get()).map(|(a, b): (u32, u32)| a.max(b));
                let (busy, queued) = sim.servers();
                prop_assert!(busy <= servers);
                prop_assert!(room.is_none_or(|room| queued <= room as usize));
            }
            let totals = sim.totals();
            prop_assert_eq!(totals.arrived, totals.succeeded + totals.failed + totals.pending);
            prop_assert_eq!(totals.attempts, totals.ended + totals.waiting + totals.in_flight);
            for tick in sim.take_ticks() {
                seen.arrived += u64::from(tick.arrived);
                seen.succeeded += u64::from(tick.answered());
                seen.failed += u64::from(tick.failed);
                prop_assert_eq!(tick.latencies_us.len(), tick.answered() as usize);
                prop_assert_eq!(tick.good_of.iter().sum::<u32>(), tick.good);
            }
            prop_assert_eq!(seen.arrived, totals.arrived);
            prop_assert_eq!((seen.succeeded, seen.failed), (totals.succeeded, totals.failed));
        }
        // Without new requests, everything comes to an end.
        let mut stop = Event::new(sim.now());
        (stop.set.rate, stop.set.clients, stop.set.black_hole) = (Some(0.0), Some(0), Some(false));
        stop.set.deadline = Some(Maybe::Some(Span::from_secs(1)));
        stop.set.retries = Some(0);
        // Or it could take very long.
        (stop.set.pause_every, stop.set.contention) = (Some(Maybe::None), Some(0.0));
        sim.insert(stop);
        sim.run_until(Span::from_secs(2000));
        let totals = sim.totals();
        prop_assert_eq!(sim.servers(), (0, 0));
        prop_assert_eq!(totals.arrived, totals.succeeded + totals.failed + totals.pending);
        prop_assert_eq!(totals.pending, 0);
    }

    #[test]
    fn no_constant_limit_is_ever_exceeded(
        config in arbitrary_config(),
        limit in 1usize..60,
        plant in prop::option::of(1usize..40),
    ) {
        let mut sim = Sim::new(&config, 1, move |_| Fixed::new(limit), plant.map(Fixed::new));
        while !sim.run_at_most(config.length, 1) {
            for [of_instance, in_flight, waiting] in sim.instances() {
                prop_assert!(in_flight <= of_instance);
                // Whoever waits does so because there is no room.
                prop_assert!(waiting == 0 || in_flight == of_instance);
            }
            if let Some((limit, in_flight)) = sim.plant_limiter() {
                prop_assert!(in_flight <= limit);
                let (busy, queued) = sim.servers();
                prop_assert!((busy + queued) as u64 <= limit);
            }
        }
    }
}

/// Has a verdict with each sample.
#[derive(Clone, Debug, Default)]
struct Judge(Option<Duration>);

impl Algorithm for Judge {
    fn max_concurrency(&self) -> usize {
        20
    }

    fn update(&mut self, sample: &Sample) {
        self.0 = Some(sample.at);
    }

    fn report(&self) -> Report {
        let rtts = (Duration::ZERO, Duration::ZERO);
        let verdict = |at| Verdict::new(Finding::Unclear, at, (1.0, 1.0), rtts);
        match self.0 {
            Some(at) => Report::new().verdict(verdict(at)),
            None => Report::new(),
        }
    }
}

#[test]
fn verdicts_of_a_limiter_that_came_later_have_the_times_of_the_run() {
    let mut sim = Sim::new(&Config::default(), 1, |_| Judge::default(), None);
    sim.run_until(Span::from_secs(5));
    assert_eq!(sim.plant_report(), None);
    sim.set_plant_algorithm(Some(Judge::default()));
    sim.run_until(Span::from_secs(8));
    for report in [sim.report(0), sim.plant_report()] {
        let verdict = report.unwrap().verdict.unwrap();
        let times = Duration::from_millis(7500)..=Duration::from_secs(8);
        assert!(times.contains(&verdict.at), "{verdict:?}");
    }
    assert_eq!(sim.report(1), None);
}
