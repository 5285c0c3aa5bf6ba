//! A Prometheus of the test's own, on a free port, and the questions that it answers.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;

use crate::child::Running;
use crate::dashboards;

pub(crate) struct Prometheus {
    address: String,
    // Before the folder: dropped in this order.
    _running: Running,
    _folder: Folder,
}

/// One series of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: serde_json::Map<String, Value>,
    pub(crate) value: f64,
}

impl Series {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).and_then(Value::as_str).unwrap_or("")
    }
}

impl Prometheus {
    /// Starts it with the rules of `dashboards/`, scraping each target under the name of its job every
    /// second.
    pub(crate) fn start(program: &Path, targets: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let mut config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{:?}]\nscrape_configs:\n",
            dashboards().join("rules.yml")
        );
        for (job, address) in targets {
            writeln!(
                config,
                "- {{ job_name: {job}, static_configs: [{{ targets: [{address:?}] }}] }}"
            )
            .expect("a string takes everything");
        }
        let file = folder.0.join("prometheus.yml");
        fs::write(&file, config).expect("the target folder is writable");
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.0.join("data").display()),
            "--web.listen-address=127.0.0.1:0".to_owned(),
        ];
        let running = Running::start_logging(program, &arguments.each_ref().map(String::as_str));
        let address = running.wait_for(|line| {
            let listening = line.contains(r#"msg="Listening on""#);
            let address = line.split_once(" address=")?.1.split_whitespace().next()?;
            listening.then(|| address.to_owned())
        });
        running.wait_for(|line| line.contains("ready to receive").then_some(()));
        Self {
            address,
            _running: running,
            _folder: folder,
        }
    }

    /// Evaluates an expression now; once more after the next scrape if there is nothing, since a scrape
    /// that fails ends all series.
    pub(crate) fn query(&self, expression: &str) -> Result<Vec<Series>, String> {
        match self.query_now(expression) {
            Ok(series) if series.is_empty() => {
                pause(Duration::from_millis(1200));
                self.query_now(expression)
            }
            answer => answer,
        }
    }

    fn query_now(&self, expression: &str) -> Result<Vec<Series>, String> {
        let path = format!("/api/v1/query?query={}", encode(expression));
        let answer: Value =
            serde_json::from_str(&get(&self.address, &path)).map_err(|error| error.to_string())?;
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        let series = answer["data"]["result"].as_array();
        let series = series.ok_or("an answer without a result")?.iter();
        Ok(series
            .map(|series| Series {
                labels: series["metric"].as_object().cloned().unwrap_or_default(),
                value: series["value"][1]
                    .as_str()
                    .and_then(|value| value.parse().ok())
                    .unwrap_or(f64::NAN),
            })
            .collect())
    }

    /// The rules that are loaded, as the API tells them.
    pub(crate) fn rules(&self) -> Vec<Value> {
        let answer: Value = serde_json::from_str(&get(&self.address, "/api/v1/rules")).unwrap();
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap());
        rules.cloned().collect()
    }
}

/// Waits for nothing but time: Prometheus looks once a second.
pub(crate) fn pause(time: Duration) {
    let (_sender, nothing) = channel::<()>();
    let _ = nothing.recv_timeout(time);
}

/// Fetches a page over HTTP 1.0, whose bodies end with the connection.
pub(crate) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    body.to_owned()
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes everything");
        }
        encoded
    })
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("prometheus-{}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("the target folder is writable");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
