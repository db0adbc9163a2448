//! Names and tags: encode_metric, decode_metric, roundtrip_metric, sanitize_name, apptuit_kept_codepoints, env_tags,
//! disable_host_tag, tag_merge.
