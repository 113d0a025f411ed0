//! The API as clients see it, with complete answers, because most tests check errors. Subscriptions
//! use [`assay::client::Client`].

use assay::Failure;
use assay::client::Client;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use url::Url;

/// A server, and the token for requests to it.
#[derive(Debug, Clone)]
pub struct Api {
    base: Url,
    token: Option<String>,
    forwarded_for: Option<String>,
    http: reqwest::Client,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON; a string if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The first error's `extensions.code`; empty if there is no error.
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
    }

    /// The first error's message; empty if there is no error.
    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or_default()
    }

    /// The data of an answer without errors.
    ///
    /// # Panics
    /// If there are errors.
    pub fn data(mut self) -> Value {
        assert!(self.body.get("errors").is_none(), "{}: {}", self.status, self.body);
        self.body["data"].take()
    }
}

/// The fields that [`Api::submit`] selects.
const SUBMIT: &str = "mutation($input: SubmitInput!) {
  submit(input: $input) {
    submission { id number state verdict } replayed token userErrors { code message field }
  }
}";

const UPDATES: &str = "subscription($id: ID!, $after: String) {
  submission(id: $id, after: $after) {
    cursor gap at
    test { number verdict hidden detail { input } }
    submission { id state verdict progress { done total } judgement { verdict } }
  }
}";

impl Api {
    /// A client of the server at this address.
    ///
    /// # Panics
    /// If the machine has no working TLS.
    pub fn new(base: Url, token: Option<&str>) -> Self {
        let http = reqwest::Client::builder().build().expect("a client without options");
        Self { base, token: token.map(str::to_owned), forwarded_for: None, http }
    }

    /// The same server with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same server without a token.
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same server for a client at this address, through a proxy on this machine.
    pub fn forwarded_for(&self, address: &str) -> Self {
        Self { forwarded_for: Some(address.to_owned()), ..self.clone() }
    }

    /// The token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The command line's client with the same token.
    ///
    /// # Panics
    /// If the machine has no working TLS.
    pub fn client(&self) -> Client {
        Client::new(self.base.clone(), self.token.clone()).expect("a client")
    }

    /// Sends a GraphQL request unchanged.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn try_post(&self, body: &Value) -> reqwest::Result<Answer> {
        self.send("/graphql", body.to_string().into_bytes()).await
    }

    /// Sends a GraphQL request unchanged.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn post(&self, body: &Value) -> Answer {
        self.try_post(body).await.expect("the server answers")
    }

    /// Sends a query, and returns the answer even if it has errors.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn ask(&self, query: &str, variables: Value) -> Answer {
        self.post(&json!({ "query": query, "variables": variables })).await
    }

    /// Sends a query, and returns the data.
    ///
    /// # Panics
    /// If there are errors.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        self.ask(query, variables).await.data()
    }

    /// Sends a query with this consistency token, and returns the data.
    ///
    /// # Panics
    /// If there are errors.
    pub async fn data_after(&self, token: &Value, query: &str, variables: Value) -> Value {
        let extensions = json!({ "assay": { "after": token } });
        let body = json!({ "query": query, "variables": variables, "extensions": extensions });
        self.post(&body).await.data()
    }

    /// Uploads to `/packages`, and returns the answer even if it is an error.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn upload(&self, archive: Vec<u8>) -> Answer {
        self.send("/packages", archive).await.expect("the server answers")
    }

    async fn send(&self, path: &str, body: Vec<u8>) -> reqwest::Result<Answer> {
        let address = self.base.join(path).expect("a path is an address");
        let mut request = self.http.post(address).header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(address) = &self.forwarded_for {
            request = request.header("x-forwarded-for", address);
        }
        let answer = request.body(body).send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }

    /// Submits, and returns the payload.
    ///
    /// # Panics
    /// If the whole request is refused.
    pub async fn submit(&self, problem: &str, language: &str, source: &str) -> Value {
        self.submit_input(submission(problem, language, source)).await
    }

    /// Submits, and returns the payload.
    ///
    /// # Panics
    /// If the whole request is refused.
    pub async fn submit_input(&self, input: Value) -> Value {
        self.data(SUBMIT, json!({ "input": input })).await["submit"].take()
    }

    /// The request body of a submission.
    pub fn submit_body(input: &Value) -> Value {
        json!({ "query": SUBMIT, "variables": { "input": input } })
    }

    /// Submits, and returns the submission's id.
    ///
    /// # Panics
    /// If the submission is not accepted.
    pub async fn submitted(&self, problem: &str, language: &str, source: &str) -> String {
        let payload = self.submit(problem, language, source).await;
        let id = payload["submission"]["id"].as_str();
        id.unwrap_or_else(|| panic!("the submission is not taken: {payload}")).to_owned()
    }

    /// Subscribes. Returns the data of each message, until the server ends the stream.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn subscribe(
        &self,
        query: &str,
        variables: Value,
    ) -> BoxStream<'static, Result<Value, Failure>> {
        let client = self.client();
        // Boxed, because the future of connecting is large, and tests hold many.
        Box::pin(client.subscribe(query, variables)).await.expect("a connection").boxed()
    }

    /// All updates of a submission after a cursor, until the server ends the stream.
    ///
    /// # Panics
    /// If the stream breaks.
    pub async fn updates(&self, id: &str, after: Option<&str>) -> Vec<Value> {
        let stream = self.subscribe(UPDATES, json!({ "id": id, "after": after })).await;
        let updates = stream.map(|data| data.expect("an update")["submission"].take());
        updates.collect().await
    }

    /// Watches a submission until it has its verdict.
    ///
    /// # Panics
    /// If the stream breaks or ends before that.
    pub async fn verdict(&self, id: &str) -> String {
        let updates = self.updates(id, None).await;
        let verdict = updates.last().and_then(|last| last["submission"]["verdict"].as_str());
        verdict.unwrap_or_else(|| panic!("no verdict: {updates:?}")).to_owned()
    }
}

/// The input of a submission.
pub fn submission(problem: &str, language: &str, source: &str) -> Value {
    json!({ "problem": format!("prb_{problem}"), "language": language, "source": source })
}
