//! What a new user does: one command, one session of the real client, and a look whether it works.

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::harness::{Home, Run, tell};
use crate::real_client::client_and_driver;
use crate::shell::real_client::{Service, VARIABLES};

#[test]
fn after_one_command_a_session_is_told_by_the_hooks_and_nothing_is_broken() {
    let Some((client, driver)) = client_and_driver() else { return };
    let home = Home::new();
    let service = Service::new(&driver.with_file_name("mock_api.py"), home.path());
    let agent = Agent::start(&home);
    let listen = agent.address.to_string();
    let mut setup = home.odin(["setup", "--yes", "--skip", "service", "--listen", &listen]);
    Run::of(setup.env("SHELL", "/bin/bash")).done();

    let mut claude = home.command(client);
    claude.args(["-p", "hello"]).envs(VARIABLES).env("ANTHROPIC_BASE_URL", &service.url);
    Run::of_one_that_ends(claude.env("PATH", std::env::var_os("PATH").unwrap())).done();
    let sessions: Vec<String> = service.sessions().into_iter().collect();
    let [session] = &sessions[..] else { panic!("one session: {sessions:?}") };

    let told: Value =
        serde_json::from_str(&home.done(&format!("sessions {session} --format json --tz UTC"))).unwrap();
    let [life] = &told["lives"].as_array().unwrap()[..] else { panic!("one life: {told:#}") };
    assert_eq!(
        (&life["source"], &life["turns"], &life["failed_turns"], &life["reason"]),
        (&json!("startup"), &json!(1), &json!(0), &json!("other"))
    );
    assert!(life["pid"].is_u64() && life["began"].as_str() < life["ended"].as_str(), "{life}");

    agent.samples();
    let doctor = home.run(&format!("doctor --listen {listen}"));
    tell(&doctor.stdout);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    home.done("setup --undo --yes");
}
