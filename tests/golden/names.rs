//! Names and tags: encode_metric, decode_metric, roundtrip_metric, sanitize_name, apptuit_kept_codepoints, env_tags,
//! disable_host_tag, tag_merge.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use tagmeter::Tags;
use tagmeter::tag::{
    DecodeError, EncodeError, Environment, EnvironmentError, Id, IllegalName, MergeError, ParseTagsError,
    Sanitize, TagLayers,
};

use crate::support::{Class, Golden, Tally, logged, with_kind};

#[test]
fn encode_metric() {
    Golden::open("encode_metric").seen_as(|recorded| with_kind(recorded, encode_kind)).run(|case| {
        let id = id(&case.input)?;
        Some(match id.encode() {
            Ok(text) => json!({"encoded": text}),
            Err(error) => json!({"error": kind_of_encode(&error)}),
        })
    });
}

#[test]
fn decode_metric() {
    Golden::open("decode_metric").seen_as(|recorded| with_kind(recorded, decode_kind)).run(|case| {
        Some(match Id::decode(case.input["encoded"].as_str()?) {
            Ok(id) => json!({"name": id.name.as_str(), "tags": object(&id.tags)}),
            Err(error) => json!({"error": kind_of_decode(&error)}),
        })
    });
}

#[test]
fn roundtrip_metric() {
    Golden::open("roundtrip_metric").seen_as(|recorded| with_kind(recorded, decode_kind)).run(|case| {
        let id = id(&case.input)?;
        let encoded = match id.encode() {
            Ok(encoded) => encoded,
            Err(error) => return Some(json!({"error": kind_of_encode(&error)})),
        };
        let decoded = Id::decode(&encoded).expect("what we encode we decode");
        // Lossless in the recorded sense: what was given came back, not what was left of it in our types.
        let (name, tags) = (decoded.name.as_str(), object(&decoded.tags));
        let lossless = case.input["name"] == *name && case.input["tags"] == tags;
        Some(json!({"encoded": encoded, "decoded_name": name, "decoded_tags": tags, "lossless": lossless}))
    });
}

#[test]
fn sanitize_name() {
    Golden::open("sanitize_name").run(|case| {
        let (mode, name) = (mode(&case.input["mode"])?, case.input["name"].as_str()?);
        let mut result = json!({"sanitized": mode.apply(name)});
        if case.recorded.get("accepted_by_validation").is_some() {
            result["accepted_by_validation"] = mode.check(name).is_ok().into();
        }
        Some(result)
    });
}

/// The file holds ranges instead of cases; every code point in and between them is looked at.
#[test]
fn apptuit_kept_codepoints() {
    let golden = Golden::open("apptuit_kept_codepoints");
    let ranges = golden.document["ranges"].clone();
    let ranges: Vec<[u32; 2]> = serde_json::from_value(ranges).expect("ranges of code points");
    let mut recorded: HashSet<u32> = ranges.iter().flat_map(|&[first, last]| first..=last).collect();
    recorded.insert('_'.into());
    for c in '\0'..=char::MAX {
        let is_kept = Sanitize::None.check(c.encode_utf8(&mut [0; 4])).is_ok();
        assert_eq!(is_kept, recorded.contains(&c.into()), "{c:?} (U+{:04X})", u32::from(c));
    }
    let mut tally = Tally::default();
    ranges.iter().for_each(|_| tally.count(Class::Keep));
    tally.print("apptuit_kept_codepoints");
}

#[test]
fn env_tags() {
    let view = |recorded: &Value| {
        let mut seen = with_kind(recorded, environment_kind);
        if let Some(warnings) = recorded.get("deprecation_warnings").and_then(Value::as_array) {
            seen["deprecation_warnings"] = warnings.len().into();
        }
        seen
    };
    Golden::open("env_tags").seen_as(view).run(|case| {
        let environment = environment(serde_json::from_value(case.input["env"].clone()).ok()?);
        let (tags, lines) = logged(|| environment.tags());
        let mut result = match tags {
            Ok(tags) => json!({"tags": object(&tags)}),
            Err(error) => json!({"error": kind_of_environment(&error)}),
        };
        let warnings =
            lines.iter().filter(|line| line.contains("APPTUIT_PY_TAGS is deprecated, use APPTUIT_TAGS"));
        if let warnings @ 1.. = warnings.count() {
            result["deprecation_warnings"] = warnings.into();
        }
        Some(result)
    });
}

#[test]
fn disable_host_tag() {
    Golden::open("disable_host_tag").run(|case| {
        let text = case.input["APPTUIT_DISABLE_HOST_TAG"].as_str();
        let environment = environment(
            text.map(|text| ("APPTUIT_DISABLE_HOST_TAG".into(), text.into())).into_iter().collect(),
        );
        Some(match is_host_tag_off(case.input["disable_host_tag"].as_bool(), &environment) {
            Ok(off) => json!({"host_tag_added": !off}),
            Err(error) => json!({"error": kind_of_environment(&error)}),
        })
    });
}

#[test]
fn tag_merge() {
    Golden::open("tag_merge").seen_as(|recorded| with_kind(recorded, merge_kind)).run(|case| {
        let merged = match case.input["path"].as_str()? {
            "reporter" => merge_of_reporter(&case.input)?,
            _ => merge_of_client(&case.input)?,
        };
        Some(match merged {
            Ok(tags) => json!({"tags": object(&tags)}),
            Err(kind) => json!({"error": kind}),
        })
    });
}

/// As `apptuit::Client` does it: tags given to it switch the environment off.
fn merge_of_client(input: &Value) -> Option<Result<Tags, &'static str>> {
    let (given, own) = (tag_list(&input["global_tags"])?, tag_list(&input["metric_tags"])?);
    let environment = match input["ignore_environ_tags"].as_bool() {
        Some(true) => Environment::empty(),
        _ => environment_of_merge(input),
    };
    let layers = TagLayers::new(mode(&input["sanitize_mode"])?);
    Some(match environment.tags_unless(&given) {
        Ok(globals) => merged(layers, &[&globals], &own),
        Err(error) => Err(kind_of_environment(&error)),
    })
}

/// As the reporter does it: a malformed environment is left out where tags were given.
fn merge_of_reporter(input: &Value) -> Option<Result<Tags, &'static str>> {
    let (given, own) = (tag_list(&input["reporter_tags"])?, tag_list(&input["metric_tags"])?);
    let environment = environment_of_merge(input);
    let host = match is_host_tag_off(input["disable_host_tag"].as_bool(), &environment) {
        Ok(true) => Tags::new(),
        Ok(false) => Tags::from([("host", "testhost")]),
        Err(error) => return Some(Err(kind_of_environment(&error))),
    };
    let said = match environment.tags() {
        Err(error) if given.is_empty() => return Some(Err(kind_of_environment(&error))),
        said => said.unwrap_or_default(),
    };
    Some(merged(TagLayers::new(mode(&input["sanitize_mode"])?), &[&host, &said, &given], &own))
}

fn merged(empty: TagLayers, layers: &[&Tags], own: &Tags) -> Result<Tags, &'static str> {
    let layers = layers.iter().try_fold(empty, |below, tags| below.layer(tags));
    let layers = layers.map_err(|error| kind_of_merge(&error.into()))?;
    Ok(layers.merge(own).map_err(|error| kind_of_merge(&error))?.to_tags())
}

/// What was said explicitly counts, and then the environment is not even read.
fn is_host_tag_off(explicit: Option<bool>, environment: &Environment) -> Result<bool, EnvironmentError> {
    match explicit {
        Some(off) => Ok(off),
        None => Ok(environment.disables_host_tag()?.unwrap_or(false)),
    }
}

fn environment(variables: HashMap<String, String>) -> Environment {
    Environment::new(move |name| variables.get(name).cloned())
}

fn environment_of_merge(input: &Value) -> Environment {
    let variables = [("APPTUIT_TAGS", "env_tags"), ("APPTUIT_DISABLE_HOST_TAG", "env_disable_host_tag")];
    let set =
        variables.into_iter().filter_map(|(name, field)| Some((name.into(), input[field].as_str()?.into())));
    environment(set.collect())
}

fn mode(recorded: &Value) -> Option<Sanitize> {
    match recorded {
        Value::Null => Some(Sanitize::None),
        name => name.as_str()?.parse().ok(),
    }
}

fn id(input: &Value) -> Option<Id> {
    let tags = input["tags"].as_object()?.iter().map(|(key, value)| Some((key, value.as_str()?)));
    Some((input["name"].as_str()?, tags.collect::<Option<Tags>>()?).into())
}

/// `[[key, value], …]`, or nothing for no tags.
fn tag_list(recorded: &Value) -> Option<Tags> {
    let pairs = recorded.as_array().map(Vec::as_slice).unwrap_or_default();
    pairs.iter().map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?))).collect()
}

fn object(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| (key.to_string(), Value::from(value))).collect()
}

fn encode_kind(_: &str, message: &str) -> &'static str {
    if message.contains("metric_name") { "name" } else { "other" }
}

fn kind_of_encode(error: &EncodeError) -> &'static str {
    match error {
        EncodeError::Name { .. } => "name",
        EncodeError::EmptyKey { .. } => "empty key",
        _ => "unknown",
    }
}

fn decode_kind(_: &str, message: &str) -> &'static str {
    if message.contains("Failed to parse") { "format" } else { "name" }
}

fn kind_of_decode(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::NoName { .. } => "name",
        DecodeError::EmptyKey { .. } => "empty key",
        DecodeError::Tags { .. } => "format",
        _ => "unknown",
    }
}

fn environment_kind(_: &str, message: &str) -> &'static str {
    match message {
        _ if message.contains("invalid character") => "key",
        _ if message.contains("truth value") => "truth",
        _ => "format",
    }
}

fn kind_of_environment(error: &EnvironmentError) -> &'static str {
    match error {
        EnvironmentError::Tags { fault: ParseTagsError::Key(_), .. } => "key",
        EnvironmentError::Tags { .. } => "format",
        EnvironmentError::Truth { .. } => "truth",
        _ => "unknown",
    }
}

fn merge_kind(class: &str, message: &str) -> &'static str {
    match message {
        _ if class != "ValueError" => "crash",
        _ if message.contains("Missing tags") => "no tags",
        _ if message.contains("Too many tags") => "too many tags",
        _ => environment_kind(class, message),
    }
}

fn kind_of_merge(error: &MergeError) -> &'static str {
    match error {
        MergeError::IllegalKey(IllegalName::Empty | IllegalName::Character { .. }) => "key",
        MergeError::NoTags => "no tags",
        MergeError::TooManyTags { .. } => "too many tags",
        _ => "unknown",
    }
}
