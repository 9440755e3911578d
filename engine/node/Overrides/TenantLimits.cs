namespace Tempo.Engine.Node.Overrides;

/// <summary>
/// What one tenant may do and what is done for it, with Tempo's names. A record that is made empty holds the zero of every
/// limit, which is what an entry of the overrides file means by what it leaves out; <see cref="BuiltIn"/> holds the
/// defaults. Immutable.
/// </summary>
public sealed record TenantLimits
{
    /// <summary>Tempo's defaults: what <c>overrides.defaults</c> is merged over, key by key.</summary>
    public static readonly TenantLimits BuiltIn = new()
    {
        Ingestion = new IngestionLimits
        {
            RateStrategy = "local",
            RateLimitBytes = 30_000_000,
            BurstSizeBytes = 30_000_000,
            MaxTracesPerUser = 10_000,
            IsRetryInfoEnabled = true,
        },
        Read = new ReadLimits { MaxBytesPerTagValuesQuery = 1_000_000, MaxConditionGroupsPerTagQuery = 100 },
        Global = new GlobalLimits { MaxBytesPerTrace = 5_000_000 },
    };

    public IngestionLimits Ingestion { get; init; } = new();
    public ReadLimits Read { get; init; } = new();
    public CompactionLimits Compaction { get; init; } = new();
    public MetricsGeneratorLimits MetricsGenerator { get; init; } = new();
    public GlobalLimits Global { get; init; } = new();
    public CostAttributionLimits CostAttribution { get; init; } = new();

    /// <summary>Names of <c>distributor.forwarders</c>.</summary>
    public IReadOnlyList<string> Forwarders { get; init; } = [];

    /// <summary><c>storage.parquet_dedicated_columns</c>; none: the columns of the block configuration.</summary>
    public IReadOnlyList<DedicatedColumnOption> DedicatedColumns { get; init; } = [];
}

/// <summary>Section <c>ingestion</c>.</summary>
public sealed record IngestionLimits
{
    /// <summary>local (per process) or global (divided by the number of processes).</summary>
    public string RateStrategy { get; init; } = "";

    /// <summary>Bytes of OTLP protobuf a second. 0: nothing is let in, as in Tempo.</summary>
    public long RateLimitBytes { get; init; }

    /// <summary>Most bytes at once; a larger request can never succeed and is refused for good.</summary>
    public long BurstSizeBytes { get; init; }

    /// <summary>Traces of the tenant that are live at once. 0: no limit.</summary>
    public int MaxTracesPerUser { get; init; }

    /// <summary>The same over all processes. 0: no limit.</summary>
    public int MaxGlobalTracesPerUser { get; init; }

    public int TenantShardSize { get; init; }

    /// <summary>Longest attribute key or string value kept. 0: <c>distributor.max_attribute_bytes</c>.</summary>
    public int MaxAttributeBytes { get; init; }

    /// <summary>Added to the time of each request. Null: none.</summary>
    public TimeSpan? ArtificialDelay { get; init; }

    /// <summary>Tell a sender over its rate when to try again.</summary>
    public bool IsRetryInfoEnabled { get; init; }
}

/// <summary>Section <c>read</c>. 0: the value of the query frontend, or no limit.</summary>
public sealed record ReadLimits
{
    public long MaxBytesPerTagValuesQuery { get; init; }
    public int MaxBlocksPerTagValuesQuery { get; init; }
    public int MaxConditionGroupsPerTagQuery { get; init; }
    public TimeSpan MaxSearchDuration { get; init; }
    public TimeSpan MaxMetricsDuration { get; init; }
    public bool AreUnsafeQueryHintsAllowed { get; init; }

    /// <summary>32 digits for every trace id of a search answer.</summary>
    public bool AreTraceIdsLeftPadded { get; init; }

    /// <summary>Answers by id let similar spans be one, for who asks for it.</summary>
    public bool IsSpanPruningEnabled { get; init; }
}

/// <summary>Section <c>compaction</c>. 0: the value of the whole process.</summary>
public sealed record CompactionLimits
{
    public TimeSpan BlockRetention { get; init; }

    /// <summary>Bytes of data that the tenant's blocks may have; beyond, its oldest go. Not Tempo's.</summary>
    public long MaxBytes { get; init; }

    public TimeSpan CompactionWindow { get; init; }
    public bool IsCompactionDisabled { get; init; }
}

/// <summary>Section <c>global</c>.</summary>
public sealed record GlobalLimits
{
    /// <summary>OTLP bytes of one trace. 0: no limit.</summary>
    public long MaxBytesPerTrace { get; init; }
}

/// <summary>Section <c>cost_attribution</c>.</summary>
public sealed record CostAttributionLimits
{
    public int MaxCardinality { get; init; }

    /// <summary>Attribute → label.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Dimensions { get; init; } = [];
}
