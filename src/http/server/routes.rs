//! Which path is what.

const INDEX: &str = include_str!("index.html");
/// Where a path's prefix goes in the index.
const PREFIX: &str = "{prefix}";

/// What there is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Index,
    Health,
    Metrics,
    Nowhere,
}

/// The paths of a server, all below one prefix.
#[derive(Debug, Clone)]
pub(super) struct Routes {
    prefix: String,
    index: String,
}

impl Routes {
    /// Paths below a prefix such as `/shop`, or the empty one; nothing where it is no such.
    pub(super) fn below(prefix: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let is_segment = |part: &str| part.chars().all(is_plain) && !["", ".", ".."].contains(&part);
        let possible = match prefix.strip_prefix('/') {
            Some(path) => path.split('/').all(is_segment),
            None => prefix.is_empty(),
        };
        possible.then(|| Routes { prefix: prefix.to_owned(), index: INDEX.replace(PREFIX, prefix) })
    }

    /// What is at a path. Paths are compared as they are: no escape and no `..` leads anywhere. Targets without a path, such
    /// as `shop:80`, have the empty one.
    pub(super) fn of(&self, path: &str) -> Route {
        match path.strip_prefix(self.prefix.as_str()) {
            Some("" | "/") if !path.is_empty() => Route::Index,
            Some("/health") => Route::Health,
            Some("/metrics") => Route::Metrics,
            _ => Route::Nowhere,
        }
    }

    /// The page that links the others.
    pub(super) fn index(&self) -> String {
        self.index.clone()
    }

    /// What to say where nothing is.
    pub(super) fn not_found(&self) -> String {
        let prefix = &self.prefix;
        format!("not found, expected {prefix}/metrics, {prefix}/health or {prefix}/\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_below_the_prefix() {
        let routes = Routes::below("/shop/v1").unwrap();
        let cases = [
            ("/shop/v1/metrics", Route::Metrics),
            ("/shop/v1/health", Route::Health),
            ("/shop/v1/", Route::Index),
            ("/shop/v1", Route::Index),
            ("/metrics", Route::Nowhere),
            ("/shop/v1/../metrics", Route::Nowhere),
            ("/shop/v1metrics", Route::Nowhere),
            ("/shop/v1//metrics", Route::Nowhere),
            ("/", Route::Nowhere),
            ("", Route::Nowhere),
        ];
        cases.iter().for_each(|(path, route)| assert_eq!(routes.of(path), *route, "{path}"));
        let cases = [("/metrics", Route::Metrics), ("/", Route::Index), ("", Route::Nowhere)];
        cases
            .iter()
            .for_each(|(path, route)| assert_eq!(Routes::below("").unwrap().of(path), *route, "{path}"));
    }

    #[test]
    fn a_prefix_is_a_plain_path() {
        for odd in ["/", "shop", "/shop/", "//shop", "/a b", "/a?b", "/../a", "/a/.", "/<b>", "/%2e"] {
            assert!(Routes::below(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn the_index_links_what_is_there() {
        let index = Routes::below("/shop").unwrap().index();
        assert!(index.contains("href=\"/shop/metrics\"") && !index.contains(PREFIX), "{index}");
    }
}
