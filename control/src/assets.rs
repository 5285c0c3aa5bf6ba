use axum::extract::{OriginalUri, Path};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use crate::refusal::Refusal;

/// Serves the page itself, wherever it is mounted.
pub(crate) async fn page(OriginalUri(uri): OriginalUri) -> Response {
    // The page's addresses are relative, and `/control` is not `/control/`. The last part of the path is
    // enough to tell, and is right also behind a proxy that takes away or adds what is before it.
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let base = match last {
        "" => "./".to_owned(),
        last => format!("./{}/", escape(last)),
    };
    Html(PAGE.replace("{base}", &base)).into_response()
}

/// Serves one of the page's files.
pub(crate) async fn asset(Path(path): Path<String>) -> Result<Response, Refusal> {
    let file = FILES.iter().find(|(name, _)| *name == path);
    let (name, bytes) = file.ok_or(Refusal::Nothing)?;
    Ok(([(header::CONTENT_TYPE, kind(name))], *bytes).into_response())
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

const PAGE: &str = include_str!("../assets/page/index.html");

/// Each file under its name, from the folder it is in.
macro_rules! files {
    ($($folder:literal: $($name:literal)*;)*) => {
        &[$($(($name, include_bytes!(concat!("../assets/", $folder, "/", $name)).as_slice()),)*)*]
    };
}

const FILES: &[(&str, &[u8])] = files! {
    "shared":
        "base.css" "icon.svg"
        "js/algorithm.js" "js/chart.js" "js/colors.js" "js/columns.js" "js/decimate.js" "js/dom.js"
        "js/field.js" "js/same.js" "js/scales.js" "js/units.js"
        "vendor/LICENSE" "vendor/uPlot.iife.min.js" "vendor/uPlot.min.css";
    "page":
        "page.css"
        "js/api.js" "js/charts.js" "js/form.js" "js/history.js" "js/list.js" "js/main.js" "js/patch.js" "js/state.js";
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn collect(folder: &Path, root: &Path, names: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => collect(&path, root, names),
                false => names.push(path.strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }

    #[test]
    fn every_file_of_both_folders_is_served_under_a_name_of_its_own() {
        let mut names = Vec::new();
        for folder in ["shared", "page"] {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("assets")
                .join(folder);
            collect(&root, &root, &mut names);
        }
        names.retain(|name| name != "index.html");
        names.sort();

        let mut served: Vec<_> = FILES.iter().map(|(name, _)| name.to_string()).collect();
        served.sort();
        assert_eq!(served, names);
        assert_eq!(served.iter().collect::<BTreeSet<_>>().len(), served.len());
    }

    #[test]
    fn a_path_cannot_write_into_the_page() {
        assert_eq!(escape(r#"a"><script>"#), "a&quot;>&lt;script>");
    }
}
