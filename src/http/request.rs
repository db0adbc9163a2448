//! What a framework tells us of a request.

/// What there is to know of an HTTP request: method, target and headers.
///
/// ```
/// use tagmeter::http::Request;
///
/// let request = Request::new("GET", "/metrics").header("Accept", "text/plain");
/// # let _ = request;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Request<'a> {
    /// A request without headers. The target is the path with its query; whoever calls has routed by it already.
    ///
    /// ```
    /// # use tagmeter::http::Request;
    /// let request = Request::new("GET", "/metrics");
    /// # let _ = request;
    /// ```
    pub fn new(method: &'a str, target: &'a str) -> Self {
        Request { method, target, headers: Vec::new() }
    }

    /// Adds a header; names are alike in either case, and a header may come more than once.
    ///
    /// ```
    /// # use tagmeter::http::Request;
    /// let request = Request::new("GET", "/metrics").header("accept", "*/*");
    /// # let _ = request;
    /// ```
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The path with its query.
    ///
    /// ```
    /// # use tagmeter::http::Request;
    /// assert_eq!(Request::new("GET", "/metrics?x=1").target(), "/metrics?x=1");
    /// ```
    pub fn target(&self) -> &str {
        self.target
    }

    pub(super) fn method(&self) -> &str {
        self.method
    }

    /// The lines of a header.
    pub(super) fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}
