use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::suite::{self, Outcome, Row, Worst};

/// Everything that came of a suite.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// The command that makes it.
    pub command: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// What was run, in order.
    pub scenarios: Vec<Scenario>,
    /// What came of each.
    pub outcomes: Vec<Outcome>,
    /// The algorithms, the best first.
    pub scores: Vec<Score>,
    /// Whether the suite can tell good from bad.
    pub verdict: Verdict,
}

impl Report {
    /// Sums up.
    #[must_use]
    pub(super) fn new(
        command: String,
        seeds: Vec<u64>,
        scenarios: Vec<Scenario>,
        outcomes: Vec<Outcome>,
    ) -> Self {
        let scores = scores(&outcomes);
        Self {
            verdict: Verdict::new(&outcomes, &scores),
            scores,
            command,
            seeds,
            scenarios,
            outcomes,
        }
    }

    /// Returns each scenario with what came of it.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Scenario, &Outcome)> {
        self.scenarios.iter().zip(&self.outcomes)
    }

    /// Returns the rows of an algorithm, with their scenarios.
    pub(super) fn of(&self, algorithm: &str) -> impl Iterator<Item = (&Scenario, &Row)> {
        self.each().filter_map(move |(scenario, outcome)| {
            let row = outcome.rows.iter().find(|row| row.algorithm == algorithm)?;
            Some((scenario, row))
        })
    }
}

/// How an algorithm did over all scenarios and seeds.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Score {
    /// The algorithm.
    pub algorithm: String,
    /// The geometric mean of the scores of all runs.
    pub score: f64,
    /// In how many scenarios all was so that is asserted, on every seed.
    pub passed: usize,
    /// Of how many.
    pub scenarios: usize,
    /// The median of all runs.
    pub efficiency: f64,
    /// The median of all runs, as a multiple of the oracle's.
    pub p99: f64,
    /// The scenario with the lowest score.
    pub worst: String,
    /// Its score.
    pub worst_score: f64,
}

fn scores(outcomes: &[Outcome]) -> Vec<Score> {
    let Some(first) = outcomes.first() else {
        return Vec::new();
    };
    let mut scores: Vec<Score> = (0..first.rows.len()).map(|i| score(outcomes, i)).collect();
    scores.sort_by(|a, b| b.score.total_cmp(&a.score));
    scores
}

/// Sums up the algorithm that is the `i`-th of each scenario.
fn score(outcomes: &[Outcome], i: usize) -> Score {
    let of_each = || outcomes.iter().map(|outcome| (outcome, &outcome.rows[i]));
    // A row of all runs has the means and medians that are wanted.
    let mut all = outcomes[0].rows[i].clone();
    all.runs = of_each().flat_map(|(_, row)| row.runs.clone()).collect();
    let worst = of_each().min_by(|(_, a), (_, b)| a.score().total_cmp(&b.score()));
    Score {
        score: all.score(),
        passed: of_each().filter(|(_, row)| passes(row)).count(),
        scenarios: outcomes.len(),
        efficiency: all.median_and_worst(|run| run.efficiency, Worst::Lowest).0,
        p99: all
            .median_and_worst(
                |run| run.latency_ratio[2].unwrap_or(f64::INFINITY),
                Worst::Highest,
            )
            .0,
        worst: worst.map_or(String::new(), |(outcome, _)| outcome.scenario.clone()),
        worst_score: worst.map_or(f64::NAN, |(_, row)| row.score()),
        algorithm: all.algorithm,
    }
}

/// Returns whether all was so that is asserted, on every seed.
#[must_use]
pub(super) fn passes(row: &Row) -> bool {
    row.passed() == row.runs.len()
}

/// Whether the suite can tell: the oracle must pass everything, and no mutant may.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Verdict {
    /// Where the oracle fails, unless it did not take part.
    pub oracle_fails: Option<Vec<String>>,
    /// In how many scenarios each mutant that took part fails.
    pub mutants_fail: Vec<(String, usize)>,
    /// How those that stop learning compare with what they were made from, if that took part, too.
    pub frozen: Vec<Frozen>,
    /// Of how many scenarios.
    pub scenarios: usize,
}

/// The score of a mutant that stops learning, and of the algorithm that goes on.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Frozen {
    pub name: String,
    pub score: f64,
    pub learning: f64,
}

impl Frozen {
    fn new(mutant: &Score, scores: &[Score]) -> Option<Self> {
        let name = mutant.algorithm.strip_prefix("frozen-")?;
        let learning = scores.iter().find(|score| score.algorithm == name)?;
        Some(Self {
            name: mutant.algorithm.clone(),
            score: mutant.score,
            learning: learning.score,
        })
    }

    pub(super) fn is_behind(&self) -> bool {
        self.score < self.learning
    }
}

impl Verdict {
    fn new(outcomes: &[Outcome], scores: &[Score]) -> Self {
        let failed = |algorithm: &str| -> Option<Vec<String>> {
            let mut failed = Vec::new();
            for outcome in outcomes {
                let row = outcome.rows.iter().find(|row| row.algorithm == algorithm)?;
                if !passes(row) {
                    failed.push(outcome.scenario.clone());
                }
            }
            Some(failed)
        };
        let mutants = suite::MUTANTS.iter();
        Self {
            oracle_fails: failed("oracle"),
            mutants_fail: mutants
                .filter_map(|mutant| Some(((*mutant).to_owned(), failed(mutant)?.len())))
                .collect(),
            frozen: scores
                .iter()
                .filter_map(|score| Frozen::new(score, scores))
                .collect(),
            scenarios: outcomes.len(),
        }
    }

    /// Returns whether the oracle fails nothing.
    #[must_use]
    pub(super) fn oracle_passes(&self) -> bool {
        self.oracle_fails.as_ref().is_none_or(Vec::is_empty)
    }

    /// Returns whether each mutant fails somewhere, and is worse for not learning.
    #[must_use]
    pub(super) fn mutants_fail(&self) -> bool {
        self.mutants_fail.iter().all(|(_, failed)| *failed > 0)
            && self.frozen.iter().all(Frozen::is_behind)
    }
}
