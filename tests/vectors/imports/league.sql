CREATE TABLE oauth2_client (
  identifier TEXT PRIMARY KEY, name TEXT, secret TEXT, redirect_uris TEXT,
  grants TEXT, scopes TEXT, active INTEGER, is_confidential INTEGER
);
INSERT INTO oauth2_client VALUES
  ('stock', 'Stock keeping', '$2y$10$Q7rT9uVw1xYz2aBc3dEf4OIKNWMm0tvqvadsK4jp6OxVkvPP7Y6.e', NULL, 'client_credentials', 'stock.read stock.write', 1, 1),
  ('argon', 'PASSWORD_ARGON2ID', '$argon2id$v=19$m=12288,t=3,p=1$au7is3BXEFRzTvsB2CzYXQ$VSPTTVh1vqsuNYEcqsBafEqFXFQOtUMXkMp+Lw+tb0w', NULL, 'client_credentials,refresh_token', 'stock.read', 1, 1),
  ('retired', 'Switched off', 'still has a secret', NULL, 'client_credentials', 'stock.read', 0, 1),
  ('spa', 'In a browser', NULL, 'https://spa.example/cb', 'authorization_code', 'stock.read', 1, 0);
