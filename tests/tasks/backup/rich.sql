-- A good database of the hard kind: many owners, odd names, row-level security, cycles, large objects, extensions in a
-- schema of their own. A superuser runs it in an empty database, as often as wanted in one cluster. Every text is
-- invented, and what could look like a person's holds the word CANARIA.

DO $$
DECLARE papel text;
BEGIN
    FOREACH papel IN ARRAY ARRAY['Papel "É". Estranho', 'postgres', 'rica_app', 'rica_auditoria', 'rica_leitura'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = papel) THEN
            EXECUTE format('CREATE ROLE %I', papel);
        END IF;
    END LOOP;
END $$;

-- ── schemas, of several owners ───────────────────────────────────────────────────────────────────────────────────────
ALTER SCHEMA public OWNER TO rica_app;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO rica_leitura, rica_auditoria, "Papel ""É"". Estranho";
CREATE SCHEMA extensions AUTHORIZATION postgres;
CREATE SCHEMA auditoria AUTHORIZATION rica_auditoria;
CREATE SCHEMA "Área ""1"".x" AUTHORIZATION "Papel ""É"". Estranho";
COMMENT ON SCHEMA "Área ""1"".x" IS 'nome com aspas, ponto e acento';
GRANT USAGE ON SCHEMA extensions TO PUBLIC;
GRANT USAGE ON SCHEMA auditoria TO rica_app;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pgcrypto') THEN
        CREATE EXTENSION pgcrypto WITH SCHEMA extensions;
    ELSE  -- a server that comes without it
        CREATE FUNCTION extensions.digest(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE
            AS 'SELECT pg_catalog.sha256($1::bytea)';
    END IF;
END $$;
CREATE EXTENSION citext WITH SCHEMA extensions;
CREATE EXTENSION unaccent WITH SCHEMA extensions;
ALTER DEFAULT PRIVILEGES FOR ROLE rica_app IN SCHEMA public GRANT SELECT ON TABLES TO rica_leitura;
ALTER DEFAULT PRIVILEGES FOR ROLE rica_app REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE rica_auditoria GRANT SELECT, INSERT ON TABLES TO rica_app WITH GRANT OPTION;

-- ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TYPE public.situacao AS ENUM ('aberta', 'em atendimento', 'encerrada; sem retorno', 'não se aplica');
CREATE DOMAIN public.uf AS char(2) CONSTRAINT uf_maiuscula CHECK (VALUE = upper(VALUE) AND length(VALUE) = 2);
CREATE DOMAIN public.correio AS extensions.citext CHECK (VALUE OPERATOR(extensions.~~) '%@%'::extensions.citext);
CREATE TYPE public.endereco AS (rua text, numero int, estado public.uf);
CREATE TYPE public.faixa AS RANGE (subtype = numeric);
ALTER TYPE public.situacao OWNER TO rica_app;
ALTER DOMAIN public.uf OWNER TO rica_app;
ALTER DOMAIN public.correio OWNER TO rica_app;
ALTER TYPE public.endereco OWNER TO rica_app;
ALTER TYPE public.faixa OWNER TO "Papel ""É"". Estranho";
GRANT USAGE ON TYPE public.faixa TO rica_leitura;

-- ── functions: with an empty search_path, as their owners, in the SQL standard's own form ────────────────────────────
CREATE FUNCTION extensions.sem_acento(texto text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $_$ SELECT extensions.unaccent('extensions.unaccent'::regdictionary, lower($1)) $_$;
CREATE FUNCTION auditoria.registra() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path TO ''
    AS $funcao$
BEGIN
    -- a backslash \ at the line's end, and what would be a command elsewhere: \! echo
    INSERT INTO auditoria.eventos (tabela, acao, chave)
    VALUES (TG_TABLE_NAME, TG_OP, auditoria.resumo(to_jsonb(NEW) ->> 'id'));
    RETURN NEW;
END
$funcao$;
CREATE FUNCTION auditoria.resumo(chave text) RETURNS text
    LANGUAGE sql STABLE SET search_path TO ''
    AS 'SELECT pg_catalog.encode(extensions.digest($1, ''sha256''), ''hex'')';
CREATE FUNCTION public.soma(a int, b int DEFAULT 2) RETURNS int
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC SELECT CASE WHEN a > 0 THEN a + b ELSE b END; SELECT a + b; END;
CREATE PROCEDURE public.nada(INOUT x int) LANGUAGE plpgsql AS $$ BEGIN x := x; END $$;
CREATE FUNCTION public.junta(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($1, '''') || $2';
CREATE AGGREGATE public.tudo(text) (SFUNC = public.junta, STYPE = text, INITCOND = '');
ALTER FUNCTION extensions.sem_acento(text) OWNER TO rica_app;
ALTER FUNCTION auditoria.registra() OWNER TO rica_auditoria;
ALTER FUNCTION auditoria.resumo(text) OWNER TO rica_auditoria;
ALTER FUNCTION public.soma(int, int) OWNER TO rica_app;
ALTER PROCEDURE public.nada(int) OWNER TO rica_leitura;
ALTER FUNCTION public.junta(text, text) OWNER TO rica_app;
ALTER AGGREGATE public.tudo(text) OWNER TO rica_app;
REVOKE ALL ON FUNCTION auditoria.registra() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auditoria.registra() TO rica_app;

-- ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE auditoria.eventos (
    id bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5) PRIMARY KEY,
    tabela name NOT NULL,
    acao text NOT NULL CHECK (acao IN ('INSERT', 'UPDATE', 'DELETE')),
    chave text,
    criado_em timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE public.unidades (
    id serial PRIMARY KEY,
    nome text NOT NULL,
    nome_busca text GENERATED ALWAYS AS (extensions.sem_acento(nome)) STORED,
    estado public.uf NOT NULL DEFAULT 'SP',
    correio public.correio UNIQUE,
    onde public.endereco,
    chefe_id int,
    CONSTRAINT nome_curto CHECK (length(nome) < 200)
);
CREATE TABLE public.equipe (
    id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    unidade_id int NOT NULL REFERENCES public.unidades DEFERRABLE INITIALLY DEFERRED,
    superior_id int REFERENCES public.equipe ON DELETE SET NULL,
    apelido text,
    segredo bytea,
    notas text
);
-- A cycle: each table refers to the other.
ALTER TABLE public.unidades ADD CONSTRAINT unidades_chefe_fkey FOREIGN KEY (chefe_id) REFERENCES public.equipe
    DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE public.casos (
    id bigint NOT NULL, dia date NOT NULL, situacao public.situacao NOT NULL, dados jsonb, etiquetas text[],
    valor public.faixa, PRIMARY KEY (id, dia, situacao)
) PARTITION BY RANGE (dia);
CREATE TABLE public.casos_2025 PARTITION OF public.casos FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
    PARTITION BY LIST (situacao);
CREATE TABLE public.casos_2025_abertos PARTITION OF public.casos_2025 FOR VALUES IN ('aberta');
CREATE TABLE public.casos_2025_outros PARTITION OF public.casos_2025 DEFAULT;
CREATE TABLE auditoria.casos_2026 PARTITION OF public.casos FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE public.pessoas (id int PRIMARY KEY, nome text NOT NULL);
CREATE TABLE public.voluntarias (desde date NOT NULL) INHERITS (public.pessoas);
ALTER TABLE public.voluntarias ADD PRIMARY KEY (id);
CREATE TABLE "Área ""1"".x"."Nome, com ""aspas"" e . ponto" (
    "Coluna ""É"".1" text PRIMARY KEY, "select" int[] DEFAULT '{}', bruto bytea
);
CREATE TABLE "Área ""1"".x".sem_colunas ();
CREATE TABLE public.reservas (sala int, periodo tsrange, EXCLUDE USING gist (periodo WITH &&) WHERE (sala = 1));
CREATE TABLE public.anexos (id int PRIMARY KEY, conteudo oid);
CREATE TABLE public.vazia (a int, b text COLLATE "C");
CREATE SEQUENCE "Área ""1"".x"."Sequência solta" INCREMENT -3 MAXVALUE 1000 START 1000 CACHE 7 CYCLE;
ALTER TABLE public.unidades OWNER TO rica_app;
ALTER TABLE public.equipe OWNER TO rica_app;
ALTER TABLE public.casos OWNER TO rica_app;
ALTER TABLE public.casos_2025 OWNER TO rica_app;
ALTER TABLE public.casos_2025_abertos OWNER TO rica_app;
ALTER TABLE public.casos_2025_outros OWNER TO rica_leitura;
ALTER TABLE auditoria.casos_2026 OWNER TO rica_app;  -- in the schema of another role
ALTER TABLE auditoria.eventos OWNER TO rica_auditoria;
ALTER TABLE public.pessoas OWNER TO rica_app;
ALTER TABLE public.voluntarias OWNER TO rica_app;
ALTER TABLE "Área ""1"".x"."Nome, com ""aspas"" e . ponto" OWNER TO "Papel ""É"". Estranho";
ALTER TABLE "Área ""1"".x".sem_colunas OWNER TO "Papel ""É"". Estranho";
ALTER TABLE public.reservas OWNER TO rica_app;
ALTER TABLE public.anexos OWNER TO rica_app;
ALTER SEQUENCE "Área ""1"".x"."Sequência solta" OWNER TO rica_leitura;
COMMENT ON TABLE public.pessoas IS E'com \'aspas\', \\ e\noutra linha';
COMMENT ON COLUMN public.pessoas.nome IS 'CANARIA';
ALTER TABLE public.equipe ALTER COLUMN notas SET STORAGE EXTERNAL;
ALTER TABLE public.equipe ALTER COLUMN notas SET STATISTICS 500;
ALTER TABLE public.equipe SET (fillfactor = 70, autovacuum_enabled = false);
ALTER TABLE ONLY public.pessoas REPLICA IDENTITY FULL;
CREATE STATISTICS public.casos_estatisticas (dependencies) ON situacao, dia FROM public.casos;

-- ── indexes, triggers, rules, views ──────────────────────────────────────────────────────────────────────────────────
CREATE INDEX unidades_busca ON public.unidades (extensions.sem_acento(nome) text_pattern_ops, estado DESC NULLS LAST);
CREATE UNIQUE INDEX equipe_chefia ON public.equipe (unidade_id) INCLUDE (apelido) WHERE superior_id IS NULL;
CREATE INDEX casos_dados ON public.casos USING gin (dados jsonb_path_ops);
CREATE INDEX "Índice ""x"" de nome" ON "Área ""1"".x"."Nome, com ""aspas"" e . ponto" USING hash ("Coluna ""É"".1");
ALTER TABLE public.casos_2025_abertos CLUSTER ON casos_2025_abertos_pkey;
CREATE TRIGGER unidades_auditoria AFTER INSERT OR UPDATE OF nome ON public.unidades
    FOR EACH ROW EXECUTE FUNCTION auditoria.registra();
CREATE TRIGGER "Gatilho, desligado" BEFORE DELETE ON public.unidades
    FOR EACH ROW WHEN (OLD.estado = 'SP') EXECUTE FUNCTION auditoria.registra();
ALTER TABLE public.unidades DISABLE TRIGGER "Gatilho, desligado";
CREATE CONSTRAINT TRIGGER equipe_auditoria AFTER INSERT ON public.equipe DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION auditoria.registra();
ALTER TABLE public.equipe ENABLE ALWAYS TRIGGER equipe_auditoria;
CREATE RULE vazia_nada AS ON DELETE TO public.vazia DO INSTEAD NOTHING;
CREATE VIEW public.casos_abertos WITH (security_barrier = true) AS
    SELECT id, dia, dados[1:1] AS um, etiquetas[1:2] AS duas FROM public.casos AS c(id, dia, s, d, etiquetas, v),
           LATERAL (SELECT ARRAY[c.d] AS dados) AS l WHERE c.s = 'aberta';
CREATE MATERIALIZED VIEW auditoria.por_estado AS
    SELECT estado, count(*) AS quantas, public.tudo(nome ORDER BY nome) AS nomes FROM public.unidades GROUP BY estado
    WITH NO DATA;
CREATE UNIQUE INDEX por_estado_pk ON auditoria.por_estado (estado);
CREATE MATERIALIZED VIEW public.de_outra AS SELECT quantas * 2 AS dobro FROM auditoria.por_estado WITH NO DATA;
ALTER VIEW public.casos_abertos OWNER TO rica_app;
ALTER MATERIALIZED VIEW auditoria.por_estado OWNER TO rica_app;
ALTER MATERIALIZED VIEW public.de_outra OWNER TO rica_app;
CREATE TEXT SEARCH CONFIGURATION public.busca (COPY = pg_catalog.portuguese);
ALTER TEXT SEARCH CONFIGURATION public.busca ALTER MAPPING FOR hword, word WITH extensions.unaccent, portuguese_stem;
ALTER TEXT SEARCH CONFIGURATION public.busca OWNER TO rica_app;

-- ── row-level security and grants ────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE public.pessoas ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.equipe ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.equipe FORCE ROW LEVEL SECURITY;
CREATE POLICY "Só ""as"" suas" ON public.pessoas AS RESTRICTIVE FOR SELECT TO rica_leitura, "Papel ""É"". Estranho"
    USING (id = (current_setting('app.id', true))::int);
CREATE POLICY todas ON public.equipe USING (apelido = CURRENT_USER) WITH CHECK (true);
GRANT SELECT (id, nome), UPDATE (nome) ON public.unidades TO rica_leitura, "Papel ""É"". Estranho";
GRANT SELECT ON public.pessoas TO PUBLIC;
GRANT ALL ON public.casos TO "Papel ""É"". Estranho" WITH GRANT OPTION;
REVOKE UPDATE ON public.anexos FROM rica_app;
GRANT USAGE ON SEQUENCE "Área ""1"".x"."Sequência solta" TO rica_app;
GRANT SELECT ON auditoria.por_estado TO rica_leitura;

-- ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
INSERT INTO public.unidades (id, nome, estado, correio, onde, chefe_id)
    SELECT n, 'Unidade ÇÃO ' || n || ' CANARIA', (ARRAY['SP', 'RJ', 'MG'])[n % 3 + 1], 'Unidade' || n || '@exemplo.invalid',
           ROW('rua CANARIA; "x", \', n, 'SP')::public.endereco, NULL
      FROM generate_series(1, 40) AS n;
SELECT setval('public.unidades_id_seq', 40);
INSERT INTO public.equipe (unidade_id, superior_id, apelido, segredo, notas)
    SELECT n, NULL, 'CANARIA ' || n, extensions.digest(n::text, 'md5'), repeat('CANARIA ', n * 40)
      FROM generate_series(1, 40) AS n;
INSERT INTO public.equipe (unidade_id, superior_id, apelido, notas)
    VALUES (1, 1, E'CANARIA\ttab\nlinha\\N \\.', E'\\.'), (2, 1, NULL, '');
UPDATE public.unidades SET chefe_id = id;
INSERT INTO public.casos
    SELECT n, date '2025-06-01' + n, (enum_range(NULL::public.situacao))[n % 4 + 1],
           jsonb_build_object('nota', 'CANARIA "' || n || '" \n'), ARRAY['a', NULL, 'b,"c"'], public.faixa(n, n + 1.5)
      FROM generate_series(1, 500) AS n;
INSERT INTO public.pessoas VALUES (1, 'CANARIA um'), (2, 'CANARIA dois');
INSERT INTO public.voluntarias VALUES (3, 'CANARIA três', '2026-02-03'), (4, 'CANARIA quatro', 'infinity');
INSERT INTO "Área ""1"".x"."Nome, com ""aspas"" e . ponto"
    VALUES ('\.', '{1,NULL}', '\x00ff5c'), (E'COPY x FROM stdin;\n\\! true\n\\.\n', NULL, NULL), ('', '{}', '\x');
INSERT INTO "Área ""1"".x".sem_colunas DEFAULT VALUES;
INSERT INTO public.reservas VALUES (1, '[2026-01-01 08:00, 2026-01-01 09:00)'), (2, '[2026-01-01 08:30, infinity)');
INSERT INTO public.anexos VALUES
    (1, lo_from_bytea(70001, 'CANARIA \000'::bytea)),
    (2, lo_from_bytea(70002, decode(repeat('43414e41524941', 2000), 'hex'))), (3, lo_create(70003));
ALTER LARGE OBJECT 70001 OWNER TO rica_app;
ALTER LARGE OBJECT 70002 OWNER TO "Papel ""É"". Estranho";
GRANT SELECT ON LARGE OBJECT 70001 TO rica_leitura;
GRANT ALL ON LARGE OBJECT 70002 TO rica_app;
COMMENT ON LARGE OBJECT 70001 IS 'CANARIA';
SELECT nextval('"Área ""1"".x"."Sequência solta"');
REFRESH MATERIALIZED VIEW auditoria.por_estado;
REFRESH MATERIALIZED VIEW public.de_outra;
