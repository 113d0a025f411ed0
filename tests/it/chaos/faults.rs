//! Causes each fault and repairs it.

use std::time::Duration;

use tests::deployment::{API, Deployment, EVALUATOR, PROJECTOR};
use tests::proxy::Weather;
use tokio::time::sleep;

use super::plan::{Fault, Phase};

/// The names of the two evaluators.
const EVALUATORS: [&str; 2] = ["first", "second"];
/// The lease of an evaluator, in seconds.
const LEASE_S: u64 = 3;

/// A cluster in which every fault can be caused: an API process, a projector and two evaluators.
pub(super) async fn cluster() -> Deployment {
    let lease = LEASE_S.to_string();
    let settings = [
        ("evaluator.lease_s", &*lease),
        ("evaluator.slots", "1"),
        // The two evaluators share this machine's cores.
        ("evaluator.pin_cores", "false"),
    ];
    let mut cluster = Deployment::exposed_stores_only(&settings).await;
    cluster.start_process(API, Some("command,query"), &[]).await;
    cluster.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
    for name in EVALUATORS {
        start_evaluator(&mut cluster, name).await;
    }
    cluster
}

/// Causes a fault and repairs it. Waits only as long as the fault lasts.
pub(super) async fn inflict(cluster: &mut Deployment, phase: &Phase) {
    let Phase { hold, lateness, .. } = *phase;
    let evaluator = EVALUATORS[phase.which % EVALUATORS.len()];
    // Longer than a lease, so that another evaluator takes over.
    let long = Duration::from_secs(LEASE_S) + hold;
    match phase.fault {
        Fault::KillApi => {
            cluster.kill_hard(API).await;
            cluster.start_process(API, Some("command,query"), &[]).await;
        }
        Fault::KillEvaluator => {
            cluster.kill_hard(evaluator).await;
            start_evaluator(cluster, evaluator).await;
        }
        Fault::KillProjector => {
            cluster.kill_hard(PROJECTOR).await;
            cluster.start_process(PROJECTOR, Some(PROJECTOR), &[]).await;
        }
        Fault::KillRedis => {
            let redis = cluster.redis.as_mut().unwrap();
            redis.kill_hard();
            redis.restart().await;
        }
        Fault::KillMongo => {
            let mongo = cluster.mongo.as_mut().unwrap();
            mongo.kill_hard();
            mongo.restart().await;
        }
        Fault::FreezeApi => freeze(cluster, API, long).await,
        Fault::FreezeEvaluator => freeze(cluster, evaluator, long).await,
        Fault::FreezeProjector => freeze(cluster, PROJECTOR, long).await,
        Fault::CutRedis => cluster.redis.as_ref().unwrap().network().cut(),
        Fault::CutMongo => cluster.mongo.as_ref().unwrap().network().cut(),
        Fault::RefuseRedis => weather_of_redis(cluster, Weather::Refusing, hold).await,
        Fault::RefuseMongo => weather_of_mongo(cluster, Weather::Refusing, hold).await,
        Fault::SlowRedis => weather_of_redis(cluster, Weather::Slow(lateness), hold).await,
        Fault::SlowMongo => weather_of_mongo(cluster, Weather::Slow(lateness), hold).await,
        Fault::MuteRedis => weather_of_redis(cluster, Weather::Mute, hold).await,
        Fault::MuteMongo => weather_of_mongo(cluster, Weather::Mute, hold).await,
        Fault::FillDiskOfRedis => {
            let redis = cluster.redis.as_mut().unwrap();
            redis.fill_disk();
            sleep(hold).await;
            redis.empty_disk();
            // Redis exits rather than acknowledge a write that it cannot store.
            if !redis.listens() {
                redis.restart().await;
            }
        }
        Fault::FillDiskOfMongo => {
            let mongo = cluster.mongo.as_mut().unwrap();
            mongo.fill_disk().await;
            sleep(hold).await;
            mongo.empty_disk();
            // MongoDB exits too.
            if !mongo.listens() {
                mongo.restart().await;
            }
        }
        Fault::StepDownMongo => cluster.mongo.as_ref().unwrap().step_down().await,
    }
}

async fn start_evaluator(cluster: &mut Deployment, name: &'static str) {
    cluster.start_process(name, Some(EVALUATOR), &[("evaluator.name", name)]).await;
}

async fn freeze(cluster: &Deployment, process: &str, hold: Duration) {
    cluster.pause(process);
    sleep(hold).await;
    cluster.resume(process);
}

async fn weather_of_redis(cluster: &Deployment, weather: Weather, hold: Duration) {
    let network = cluster.redis.as_ref().unwrap().network();
    network.set(weather);
    sleep(hold).await;
    network.set(Weather::Clear);
}

async fn weather_of_mongo(cluster: &Deployment, weather: Weather, hold: Duration) {
    let network = cluster.mongo.as_ref().unwrap().network();
    network.set(weather);
    sleep(hold).await;
    network.set(Weather::Clear);
}
