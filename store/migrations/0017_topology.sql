-- Who depends on whom, one row an edge and a place that names it; and the places.

CREATE TABLE topology_edges (
    from_entity   TEXT NOT NULL,
    to_entity     TEXT NOT NULL,
    relation      TEXT NOT NULL,
    source        TEXT NOT NULL,
    origin        TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    PRIMARY KEY (from_entity, to_entity, relation, source, origin)
);
CREATE INDEX topology_edges_origin ON topology_edges (source, origin, last_seen_at);

CREATE TABLE topology_feeds (
    source  TEXT NOT NULL,
    origin  TEXT NOT NULL,
    edges   BIGINT NOT NULL,
    message TEXT NOT NULL,
    read_at BIGINT NOT NULL,
    ok_at   BIGINT,
    PRIMARY KEY (source, origin)
);
