CREATE TABLE oauth_clients (
  client_id TEXT PRIMARY KEY, client_secret TEXT, redirect_uri TEXT,
  grant_types TEXT, scope TEXT, user_id TEXT
);
INSERT INTO oauth_clients VALUES
  ('billing', 'a secret, with & = : in it', '', 'client_credentials refresh_token', 'orders.read orders.write', 'alice'),
  ('reports', 'per%cent+plus', NULL, NULL, NULL, NULL),
  ('hashed', '$2y$10$Q7rT9uVw1xYz2aBc3dEf4OIKNWMm0tvqvadsK4jp6OxVkvPP7Y6.e', 'https://hashed.example/cb', 'client_credentials password', 'orders.read * openid', NULL),
  ('rawhash', '$2y$05$abcdefghijklmnopqrstuutEvhUbPZMn81afsLg5ZmWvu09gr2N52', NULL, 'client_credentials', 'orders.read', NULL),
  ('website', 'of the website', 'https://www.example/cb', 'authorization_code implicit', 'orders.read', NULL),
  ('mobile', NULL, 'app://cb', 'client_credentials', 'orders.read', NULL),
  ('costly', '$2y$31$Q7rT9uVw1xYz2aBc3dEf4OIKNWMm0tvqvadsK4jp6OxVkvPP7Y6.e', NULL, 'client_credentials', '', NULL),
  ('alice', 'is the name of an owner', NULL, 'client_credentials', '', NULL),
  ('testclient', 'testpass', 'http://fake/', 'client_credentials authorization_code password implicit', NULL, NULL);
CREATE TABLE oauth_scopes (scope TEXT PRIMARY KEY, is_default BOOLEAN);
INSERT INTO oauth_scopes VALUES ('basic', 1), ('orders.read', 0), ('orders.write', 0);
