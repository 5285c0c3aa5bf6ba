use serde_json::{Map, Value};

/// Merges a change into a configuration, as RFC 7396 says, but for one thing: an algorithm of
/// another name replaces the one before, options and all.
pub(crate) fn merge_config(config: &mut Value, patch: &Value) {
    if let Some(algorithm) = patch.get("algorithm").filter(|one| one.is_object()) {
        let name = algorithm.get("name");
        if name.is_some() && config["algorithm"].get("name") != name {
            config["algorithm"] = Value::Null;
        }
    }
    merge(config, patch);
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_examples_of_rfc_7396_come_out_as_it_says() {
        let cases = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (
                json!({"a":"b","b":"c"}),
                json!({"a":null}),
                json!({"b":"c"}),
            ),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ];
        for (mut target, patch, expected) in cases {
            merge(&mut target, &patch);
            assert_eq!(target, expected, "{patch}");
        }
    }

    #[test]
    fn another_algorithm_does_not_inherit_options() {
        let vegas = json!({"algorithm":{"name":"vegas","alpha":4.0,"window":{"min_samples":3}}});
        let merged = |patch: Value| {
            let mut config = vegas.clone();
            merge_config(&mut config, &patch);
            config["algorithm"].clone()
        };
        assert_eq!(
            merged(json!({"algorithm":{"name":"aimd","min_limit":2,"timeout":null}})),
            json!({"name":"aimd","min_limit":2})
        );
        assert_eq!(
            merged(json!({"algorithm":{"name":"vegas","beta":9.0,"window":null}})),
            json!({"name":"vegas","alpha":4.0,"beta":9.0})
        );
        assert_eq!(
            merged(json!({"algorithm":{"window":{"min_samples":5}}})),
            json!({"name":"vegas","alpha":4.0,"window":{"min_samples":5}})
        );
    }
}
