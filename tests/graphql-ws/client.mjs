// Watches a submission with the graphql-ws client. For each number N, one connection is cut off after
// N messages, and the next one resumes after the last cursor. The last connection stays until the
// end. Prints every update as a line of JSON, and `done` when the server completes the stream.
//
//     node client.mjs URL TOKEN SUBMISSION CURSOR 1,2,5
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token, id, first, cuts] = process.argv.slice(2);
const query = `subscription($id: ID!, $after: String) {
  submission(id: $id, after: $after) {
    cursor gap test { number verdict } submission { state verdict progress { done } }
  }
}`;

let cursor = first;
for (const most of [...cuts.split(',').map(Number), Infinity]) {
  const completed = await watch(most);
  if (completed) break;
}
console.log('done');

// Returns whether the server completed the stream; false if it was cut off after `most` messages.
function watch(most) {
  return new Promise((resolve, reject) => {
    let socket;
    let seen = 0;
    const client = createClient({
      url,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      retryAttempts: 0,
      on: { opened: (opened) => { socket = opened; } },
    });
    client.subscribe({ query, variables: { id, after: cursor } }, {
      next(message) {
        if (seen === most) return;
        if (message.errors) return reject(new Error(JSON.stringify(message.errors)));
        const update = message.data.submission;
        cursor = update.cursor;
        console.log(JSON.stringify(update));
        seen += 1;
        if (seen === most) {
          socket.terminate();
          resolve(false);
        }
      },
      error(problem) { if (seen < most) reject(problem instanceof Error ? problem : new Error(JSON.stringify(problem))); },
      complete() { if (seen < most) resolve(true); },
    });
  });
}
