-- The benchmark's database: a few wide tables as an application that keeps accounts has them, and one of long texts.
-- psql variable: mb (about how large it becomes, in megabytes, indexes included). Nothing in it is anybody's.
-- In one transaction with wal_level=minimal, so that what is loaded into a new table is not logged.

SET client_min_messages = warning;
SELECT setseed(0.25);

CREATE TABLE unidades (id int PRIMARY KEY, saldo int NOT NULL, enchimento char(88) NOT NULL DEFAULT '');
INSERT INTO unidades (id, saldo) SELECT i, 0 FROM generate_series(1, 36) i;

CREATE TABLE caixas (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unidade_id int NOT NULL,
    saldo int NOT NULL,
    enchimento char(84) NOT NULL DEFAULT ''
);
INSERT INTO caixas (unidade_id, saldo) SELECT 1 + i % 36, i FROM generate_series(1, 360) i;

CREATE TABLE contas (
    id bigint GENERATED ALWAYS AS IDENTITY,
    unidade_id int NOT NULL,
    saldo int NOT NULL,
    enchimento char(84) NOT NULL DEFAULT ''
);
INSERT INTO contas (unidade_id, saldo)
SELECT 1 + i % 36, (random() * 10000)::int FROM generate_series(1, 3600 * :mb) i;

CREATE TABLE relatos (
    id bigserial,
    conta_id bigint NOT NULL,
    texto text NOT NULL,
    detalhes jsonb NOT NULL,
    criado_em timestamptz NOT NULL
);
INSERT INTO relatos (conta_id, texto, detalhes, criado_em)
SELECT 1 + i % (3600 * :mb),
    format('Relato %s (%s, %s). ', i, md5(i::text), md5((-i)::text))
        || repeat('Compareceu à unidade, foi ouvida e orientada. ', 3 + i % 4)
        || format('Encaminhada com o protocolo %s.', md5((i * 7)::text)),
    jsonb_build_object(
        'canal', i % 7, 'unidade', i % 36, 'protocolo', i, 'etiquetas', jsonb_build_array(i % 11, i % 13, i % 101)
    ),
    timestamptz '2026-01-01 00:00Z' + i * interval '10 seconds'
FROM generate_series(1, 600 * :mb) i;

ALTER TABLE contas ADD PRIMARY KEY (id);
ALTER TABLE relatos ADD PRIMARY KEY (id);
CREATE INDEX relatos_criado_em ON relatos (criado_em);
CREATE INDEX relatos_detalhes ON relatos USING gin (detalhes);
ALTER TABLE caixas ADD FOREIGN KEY (unidade_id) REFERENCES unidades;
ALTER TABLE contas ADD FOREIGN KEY (unidade_id) REFERENCES unidades;
ALTER TABLE relatos ADD FOREIGN KEY (conta_id) REFERENCES contas;
