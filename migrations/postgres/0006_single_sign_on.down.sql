DROP TABLE identity.external_identities, identity.sign_ins, identity.connections;
