use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    #[tag(rename = "quantile")]
    method: String,
}

fn main() {}
