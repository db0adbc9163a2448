//! What the environment says about tags.

use std::fmt;

use super::{ParseTagsError, Tags};

/// Tags of everything a process sends, in the text form of [`struct@Tags`]' `FromStr`.
pub const TAGS: &str = "APPTUIT_TAGS";
/// The name that [`TAGS`] had before.
const DEPRECATED_TAGS: &str = "APPTUIT_PY_TAGS";
/// Whether the automatic `host` tag is left out: `true` or `false`, `yes` or `no`, `on` or `off`, `1` or `0`.
pub const DISABLE_HOST_TAG: &str = "APPTUIT_DISABLE_HOST_TAG";

/// The environment, as something to ask for a variable.
///
/// | variable | says | where unset or empty |
/// |---|---|---|
/// | `APPTUIT_TAGS` | tags, `env:prod, zone:eu` | `APPTUIT_PY_TAGS`, with a warning in the log |
/// | `APPTUIT_DISABLE_HOST_TAG` | y yes t true on 1, or n no f false off 0, in any case | the `host` tag is added |
///
/// Nothing is read before it is asked for. Tests give it a map instead of the process's environment.
///
/// ```
/// use tagmeter::tag::Environment;
///
/// let environment = Environment::new(|name| (name == "APPTUIT_TAGS").then(|| "env:prod".to_string()));
/// assert_eq!(environment.tags()?.get("env"), Some("prod"));
/// assert_eq!(environment.disables_host_tag()?, None);
/// # Ok::<(), tagmeter::tag::EnvironmentError>(())
/// ```
pub struct Environment(Box<Lookup>);

/// The text of a variable by its name.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The environment in which every variable is what `lookup` says.
    ///
    /// ```
    /// # use tagmeter::tag::Environment;
    /// assert_eq!(Environment::new(|_| Some("x".into())).setting("ANY", None).as_deref(), Some("x"));
    /// ```
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Environment(Box::new(lookup))
    }

    /// The environment of this process. Bytes that are no Unicode become U+FFFD.
    ///
    /// ```
    /// # use tagmeter::tag::Environment;
    /// assert_eq!(Environment::from_process().setting("TAGMETER_NOWHERE_SET", None), None);
    /// ```
    pub fn from_process() -> Self {
        Environment::new(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))
    }

    /// The environment in which nothing is set.
    ///
    /// ```
    /// # use tagmeter::tag::Environment;
    /// assert!(Environment::empty().tags().unwrap().is_empty());
    /// ```
    pub fn empty() -> Self {
        Environment::new(|_| None)
    }

    /// A variable that is set and not empty; otherwise the one that `deprecated` names, with a warning in the log.
    ///
    /// ```
    /// # use tagmeter::tag::Environment;
    /// let environment = Environment::new(|name| (name == "OLD_TOKEN").then(|| "secret".into()));
    /// assert_eq!(environment.setting("TOKEN", Some("OLD_TOKEN")).as_deref(), Some("secret"));
    /// ```
    pub fn setting(&self, name: &'static str, deprecated: Option<&'static str>) -> Option<String> {
        self.read(name, deprecated).map(|(_, text)| text)
    }

    /// The tags of `APPTUIT_TAGS`; none where it is not set.
    ///
    /// # Errors
    ///
    /// The text says no tags. The error names the variable that was read.
    ///
    /// ```
    /// # use tagmeter::tag::Environment;
    /// let error = Environment::new(|_| Some("prod".into())).tags().unwrap_err();
    /// assert_eq!(error.variable(), "APPTUIT_TAGS");
    /// assert_eq!(error.to_string(), "environment variable APPTUIT_TAGS: tag \"prod\" has no colon, expected key:value");
    /// ```
    pub fn tags(&self) -> Result<Tags, EnvironmentError> {
        let Some((variable, text)) = self.read(TAGS, Some(DEPRECATED_TAGS)) else { return Ok(Tags::new()) };
        text.parse().map_err(|fault| EnvironmentError::Tags { variable, fault })
    }

    /// The tags of a client: those given to it or, only where these are empty, [`tags`](Environment::tags).
    ///
    /// # Errors
    ///
    /// No tags are given and the environment's text says none.
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::Environment};
    /// let environment = Environment::new(|_| Some("env:prod".into()));
    /// assert_eq!(environment.tags_unless(&Tags::from([("a", "1")]))?, Tags::from([("a", "1")]));
    /// assert_eq!(environment.tags_unless(&Tags::new())?, Tags::from([("env", "prod")]));
    /// # Ok::<(), tagmeter::tag::EnvironmentError>(())
    /// ```
    pub fn tags_unless(&self, given: &Tags) -> Result<Tags, EnvironmentError> {
        if given.is_empty() { self.tags() } else { Ok(given.clone()) }
    }

    /// What `APPTUIT_DISABLE_HOST_TAG` says; `None` where it is not set.
    ///
    /// # Errors
    ///
    /// The text is no truth value.
    ///
    /// ```
    /// # use tagmeter::tag::Environment;
    /// assert_eq!(Environment::new(|_| Some("Yes".into())).disables_host_tag(), Ok(Some(true)));
    /// assert!(Environment::new(|_| Some("maybe".into())).disables_host_tag().is_err());
    /// ```
    pub fn disables_host_tag(&self) -> Result<Option<bool>, EnvironmentError> {
        let Some((variable, text)) = self.read(DISABLE_HOST_TAG, None) else { return Ok(None) };
        match text.to_lowercase().as_str() {
            "y" | "yes" | "t" | "true" | "on" | "1" => Ok(Some(true)),
            "n" | "no" | "f" | "false" | "off" | "0" => Ok(Some(false)),
            _ => Err(EnvironmentError::Truth { variable, text }),
        }
    }

    /// The name of the variable that counts, and its text.
    fn read(&self, name: &'static str, deprecated: Option<&'static str>) -> Option<(&'static str, String)> {
        let set = |name: &'static str| Some((name, (self.0)(name).filter(|text| !text.is_empty())?));
        set(name).or_else(|| {
            let (old, text) = set(deprecated?)?;
            log::warn!("environment variable {old} is deprecated, use {name} instead");
            Some((old, text))
        })
    }
}

impl Default for Environment {
    /// [`Environment::from_process`].
    fn default() -> Self {
        Environment::from_process()
    }
}

impl fmt::Debug for Environment {
    /// Without values: among them are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// Why a variable of the environment cannot be used.
///
/// ```
/// use tagmeter::tag::Environment;
///
/// let error = Environment::new(|_| Some("2".into())).disables_host_tag().unwrap_err();
/// assert_eq!(error.to_string(), "environment variable APPTUIT_DISABLE_HOST_TAG: \"2\" is no truth value, expected true or false");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// The text says no tags.
    #[error("environment variable {variable}: {fault}")]
    Tags {
        /// The variable that was read.
        variable: &'static str,
        /// What is wrong with its text.
        fault: ParseTagsError,
    },
    /// The text is neither true nor false.
    #[error("environment variable {variable}: {text:?} is no truth value, expected true or false")]
    Truth {
        /// The variable that was read.
        variable: &'static str,
        /// Its text.
        text: String,
    },
}

impl EnvironmentError {
    /// The variable that was read.
    ///
    /// ```
    /// use tagmeter::tag::Environment;
    ///
    /// let old = |name: &str| (name == "APPTUIT_PY_TAGS").then(|| "prod".to_string());
    /// assert_eq!(Environment::new(old).tags().unwrap_err().variable(), "APPTUIT_PY_TAGS");
    /// ```
    pub fn variable(&self) -> &'static str {
        match self {
            EnvironmentError::Tags { variable, .. } | EnvironmentError::Truth { variable, .. } => variable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &'static [(&'static str, &'static str)]) -> Environment {
        Environment::new(|name| set.iter().find(|(own, _)| *own == name).map(|(_, text)| text.to_string()))
    }

    #[test]
    fn the_deprecated_variable_counts_where_the_other_is_empty() {
        let tags = environment(&[(TAGS, ""), (DEPRECATED_TAGS, "c:d")]).tags();
        assert_eq!(tags, Ok(Tags::from([("c", "d")])));
    }

    #[test]
    fn a_blank_or_a_comma_is_set() {
        assert_eq!(environment(&[(TAGS, ","), (DEPRECATED_TAGS, "c:d")]).tags(), Ok(Tags::new()));
        assert_eq!(environment(&[(TAGS, " "), (DEPRECATED_TAGS, "c:d")]).tags(), Ok(Tags::new()));
    }

    #[test]
    fn given_tags_leave_a_malformed_environment_unread() {
        let given = Tags::from([("a", "1")]);
        assert_eq!(environment(&[(TAGS, "bad")]).tags_unless(&given), Ok(given));
    }

    #[test]
    fn a_truth_value_is_compared_whole() {
        assert_eq!(environment(&[(DISABLE_HOST_TAG, "OFF")]).disables_host_tag(), Ok(Some(false)));
        assert_eq!(environment(&[(DISABLE_HOST_TAG, "")]).disables_host_tag(), Ok(None));
        assert!(environment(&[(DISABLE_HOST_TAG, "true ")]).disables_host_tag().is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", environment(&[("APPTUIT_API_TOKEN", "secret")])), "Environment");
    }
}
