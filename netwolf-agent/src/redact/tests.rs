use proptest::prelude::*;

use super::*;

/// Lines and what becomes of them; `#` stands for what was taken out.
fn check(lines: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (line, expected) in lines {
        let redacted = redact(line);
        // Junos marks a secret with two of them.
        let expected = expected
            .replace("##", "\0")
            .replace('#', REMOVED)
            .replace('\0', "##");
        if redacted != expected {
            wrong.extend([*line, "\n  ", redacted.as_str(), "\n"]);
        }
        assert_eq!(redact(&redacted), redacted, "twice: {line}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn ios() {
    check(&[
        ("enable secret 9 $9$hunter2$x", "enable secret 9 #"),
        ("enable password hunter2", "enable password #"),
        ("enable password two hunter2 words", "enable password #"),
        (" password 7 0822455D0A16hunter2", " password 7 #"),
        (
            "username admin privilege 15 secret 5 $1$hunter2$abc",
            "username admin privilege 15 secret 5 #",
        ),
        (
            "username admin password 0 hunter2",
            "username admin password 0 #",
        ),
        (
            "snmp-server community hunter2 RO 99",
            "snmp-server community # RO 99",
        ),
        (
            "snmp-server host 192.0.2.1 version 2c hunter2",
            "snmp-server host 192.0.2.1 version 2c #",
        ),
        (
            "snmp-server host 192.0.2.1 hunter2",
            "snmp-server host 192.0.2.1 #",
        ),
        (
            "snmp-server user u g v3 auth sha hunter2 priv aes 128 hunter2",
            "snmp-server user u g v3 auth sha # priv aes 128 #",
        ),
        ("tacacs-server key 7 hunter2", "tacacs-server key 7 #"),
        (
            "radius-server host 192.0.2.1 auth-port 1812 acct-port 1813 key 7 hunter2",
            "radius-server host 192.0.2.1 auth-port 1812 acct-port 1813 key 7 #",
        ),
        ("Community name: hunter2", "Community name: #"),
        (" key hunter2", " key #"),
        (" key 7 hunter2", " key 7 #"),
        ("  key-string 7 hunter2", "  key-string 7 #"),
        (
            "crypto isakmp key hunter2 address 192.0.2.1",
            "crypto isakmp key # address 192.0.2.1",
        ),
        (
            " ip ospf message-digest-key 1 md5 7 hunter2",
            " ip ospf message-digest-key 1 md5 7 #",
        ),
        (
            " ip ospf authentication-key 7 hunter2",
            " ip ospf authentication-key 7 #",
        ),
        (
            " neighbor 192.0.2.1 password 7 hunter2",
            " neighbor 192.0.2.1 password 7 #",
        ),
        (
            "ntp authentication-key 1 md5 hunter2 7",
            "ntp authentication-key 1 md5 # 7",
        ),
        (
            " standby 1 authentication md5 key-string 7 hunter2",
            " standby 1 authentication md5 key-string 7 #",
        ),
        (" pre-shared-key local hunter2", " pre-shared-key local #"),
        (
            " server-private 192.0.2.1 key 7 hunter2",
            " server-private 192.0.2.1 key 7 #",
        ),
    ]);
}

#[test]
fn nxos_eos_and_asa() {
    check(&[
        (
            "username admin password 5 $5$hunter2$x role network-admin",
            "username admin password 5 #",
        ),
        (
            "username admin secret sha512 $6$hunter2",
            "username admin secret sha512 #",
        ),
        (
            "enable password sha512 $6$hunter2",
            "enable password sha512 #",
        ),
        (
            "radius-server host 192.0.2.1 key 7 \"hunter2\"",
            "radius-server host 192.0.2.1 key 7 \"#\"",
        ),
        (
            "snmp-server community hunter2 group network-operator",
            "snmp-server community # group network-operator",
        ),
        ("passwd hunter2 encrypted", "passwd #"),
        (
            "enable password $sha512$5000$hunter2==$x== pbkdf2",
            "enable password #",
        ),
        (" ikev1 pre-shared-key hunter2", " ikev1 pre-shared-key #"),
    ]);
}

#[test]
fn junos() {
    check(&[
        (
            "    encrypted-password \"$6$hunter2\"; ## SECRET-DATA",
            "    encrypted-password \"#\"; ## SECRET-DATA",
        ),
        (
            "    secret \"$9$hunter2\"; ## SECRET-DATA",
            "    secret \"#\"; ## SECRET-DATA",
        ),
        (
            "    authentication-key \"$9$hunter2\";",
            "    authentication-key \"#\";",
        ),
        (
            "    pre-shared-key ascii-text \"$9$hunter2\";",
            "    pre-shared-key ascii-text \"#\";",
        ),
        ("    community hunter2 {", "    community # {"),
        (
            "set snmp community hunter2 authorization read-only",
            "set snmp community # authorization read-only",
        ),
        (
            "set system root-authentication encrypted-password \"$6$hunter2\"",
            "set system root-authentication encrypted-password \"#\"",
        ),
    ]);
}

#[test]
fn vrp_comware_and_sros() {
    check(&[
        (
            " local-user admin password irreversible-cipher $1c$hunter2$x$",
            " local-user admin password irreversible-cipher #",
        ),
        (
            " set authentication password cipher %^%#hunter2%^%#",
            " set authentication password cipher #",
        ),
        (
            "snmp-agent community read cipher %^%#hunter2%^%#",
            "snmp-agent community read cipher #",
        ),
        (
            "snmp-agent community read hunter2",
            "snmp-agent community read #",
        ),
        (" password hash $h$6$hunter2", " password hash #"),
        (
            " key authentication cipher $c$3$hunter2",
            " key authentication cipher #",
        ),
        (
            "            password \"$2y$10$hunter2\"",
            "            password \"#\"",
        ),
        (
            "            authentication-key \"hunter2\" hash2",
            "            authentication-key \"#\" hash2",
        ),
        (
            "            community \"hunter2\" hash2 rwa version both",
            "            community \"#\" hash2 rwa version both",
        ),
    ]);
}

#[test]
fn others() {
    check(&[
        (
            "        set password ENC hunter2==",
            "        set password ENC #",
        ),
        (
            "        set psksecret ENC hunter2==",
            "        set psksecret ENC #",
        ),
        (
            "        <phash>$1$hunter2</phash>",
            "        <phash>#</phash>",
        ),
        (
            "set mgt-config users admin phash $1$hunter2",
            "set mgt-config users admin phash #",
        ),
        (
            "add name=vpn password=hunter2 service=l2tp",
            "add name=vpn password=# service=l2tp",
        ),
        (
            "set [ find default=yes ] wpa2-pre-shared-key=\"hunter2 b\" name=x",
            "set [ find default=yes ] wpa2-pre-shared-key=\"#\" name=x",
        ),
        (
            "set system login user vyos authentication encrypted-password '$6$hunter2'",
            "set system login user vyos authentication encrypted-password '#'",
        ),
        (
            "root:$6$hunter2$abc:19000:0:99999:7:::",
            "root:#:19000:0:99999:7:::",
        ),
        (
            r#"  "password": "hunter2", "name": "x","#,
            r##"  "password": "#", "name": "x","##,
        ),
        (r#"{"auth_key":"hunter2"}"#, r##"{"auth_key":"#"}"##),
        (
            "manager password hash 10 hunter2",
            "manager password hash 10 #",
        ),
        (
            "user admin group administrators password ciphertext hunter2",
            "user admin group administrators password ciphertext #",
        ),
    ]);
}

#[test]
fn what_is_no_secret_stays() {
    let lines = [
        "Keepalive set (10 sec)",
        "  5 minute input rate 2000 bits/sec, 3 packets/sec",
        "key chain OSPF",
        " key 1",
        "crypto key generate rsa modulus 2048",
        "GigabitEthernet0/1 is up, line protocol is up",
        "Authentication methods:publickey,keyboard-interactive,password",
        "   Community: 65000:100",
        "neighbor 192.0.2.1 send-community both",
        "ip community-list standard CL permit 65000:100",
        "aaa authentication login default group tacacs+ local",
        "ip ssh server algorithm mac hmac-sha2-256",
    ];
    check(&lines.map(|line| (line, line)));
}

#[test]
fn a_private_key_goes_as_a_block_even_where_its_end_is_missing() {
    let key = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\nhunter2\n-----END OPENSSH PRIVATE KEY-----\nb\n";
    assert_eq!(
        redact(key),
        format!(
            "a\n-----BEGIN OPENSSH PRIVATE KEY-----{REMOVED}\n-----END OPENSSH PRIVATE KEY-----\nb\n"
        )
    );
    let cut = "-----BEGIN RSA PRIVATE KEY-----\r\nhunter2\r\nhunt";
    assert_eq!(
        redact(cut),
        format!("-----BEGIN RSA PRIVATE KEY-----{REMOVED}\r\n")
    );
}

#[test]
fn lines_keep_their_ends() {
    assert_eq!(redact("a\r\nb\n\nc"), "a\r\nb\n\nc");
    assert_eq!(redact(""), "");
}

proptest! {
    /// Whatever comes, nothing panics, and what was taken out once is not taken out again.
    #[test]
    fn it_is_done_after_once(text in "([ -~\\n\u{e9}]{0,40}(password|secret|key|community|hash|ENC|\\$6\\$|md5|auth)?[ =:\"]{0,3}){0,6}") {
        let once = redact(&text);
        prop_assert_eq!(redact(&once), once);
    }
}
