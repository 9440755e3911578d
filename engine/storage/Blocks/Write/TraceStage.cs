using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// The rows (traces) of one page on their way to columns. Every column's pages end at the same rows: a page's rows are the
/// unit in which a block is written and scanned, small enough to stay in the cache while about a hundred columns are made.
/// </summary>
internal sealed class TraceStage
{
    private readonly List<ServiceCounts> _services = [];

    // By dictionary index of the name: its place in _services. Never cleared: an entry counts only if the place names it.
    private int[] _placeOfService = [];
    private int[] _serviceCounts = [];
    private int[] _resourceCounts = [];
    private int[] _scopeCounts = [];
    private int[] _spanCounts = [];

    public TraceStage(BlockVersion version, DedicatedColumns dedicated)
    {
        var memory = new LevelMemory();
        RootServices = new StringDictionary(Load);
        RootNames = new StringDictionary(Load);
        StatsServices = new StringDictionary(Load);
        ResourceServices = new StringDictionary(Load);
        ScopeNames = new StringDictionary(Load);
        ScopeVersions = new StringDictionary(Load);
        ServiceLevels = new LevelStream(1, 1);
        ResourceLevels = new LevelStream(1, 1);
        ScopeLevels = new LevelStream(2, 2);
        Spans = new SpanStage(new LevelStream(3, 3), Load, memory, version, dedicated);
        ResourceAttributes = new AttributeStage(
            ResourceLevels, Load, memory, version.AttributeLeaves(dedicated, AttributeScope.Resource), ownersRepeat: true);
        ScopeAttributes = new AttributeStage(ScopeLevels, Load, memory, [], ownersRepeat: true);
    }

    /// <summary>What the rows amount to, beside spans.</summary>
    public PageLoad Load { get; } = new();
    public LevelStream Rows { get; } = new(0, 0);
    public LevelStream ServiceLevels { get; }
    public LevelStream ResourceLevels { get; }
    public LevelStream ScopeLevels { get; }
    public SpanStage Spans { get; }
    public AttributeStage ResourceAttributes { get; }
    public AttributeStage ScopeAttributes { get; }
    public StringDictionary RootServices { get; }
    public StringDictionary RootNames { get; }
    public StringDictionary StatsServices { get; }
    public StringDictionary ResourceServices { get; }
    public StringDictionary ScopeNames { get; }
    public StringDictionary ScopeVersions { get; }

    // Row columns.
    public int TraceCount { get; private set; }
    public byte[] Ids = [];
    public byte[] IdTexts = [];
    public int[] IdTextOffsets = [0];
    public long[] Start = [];
    public long[] End = [];
    public long[] Duration = [];
    public int[] RootService = [];
    public int[] RootName = [];

    // ServiceStats.
    public int ServiceCount { get; private set; }
    public int[] StatsService = [];
    public int[] StatsSpans = [];
    public int[] StatsErrors = [];

    // ResourceSpans and ScopeSpans.
    public int ResourceCount { get; private set; }
    public int[] ResourceService = [];
    public int[] ResourceDroppedAttributes = [];
    public int ScopeCount { get; private set; }
    public int[] ScopeName = [];
    public int[] ScopeVersion = [];
    public int[] ScopeDroppedAttributes = [];

    /// <summary>Spans of each ScopeSpans.</summary>
    public ReadOnlySpan<int> ScopeSpanCounts => _spanCounts.AsSpan(0, ScopeCount);

    /// <summary>Forgets the rows of the last page.</summary>
    public void Clear()
    {
        TraceCount = ServiceCount = ResourceCount = ScopeCount = 0;
        Load.Clear();
        Spans.Clear();
        ResourceAttributes.Clear();
        ScopeAttributes.Clear();
    }

    /// <summary>Starts a new row group: dictionaries begin anew.</summary>
    public void ClearDictionaries()
    {
        RootServices.Clear();
        RootNames.Clear();
        StatsServices.Clear();
        ResourceServices.Clear();
        ScopeNames.Clear();
        ScopeVersions.Clear();
        Spans.ClearDictionaries();
        ResourceAttributes.ClearDictionaries();
        ScopeAttributes.ClearDictionaries();
    }

    public void Add(OrderedTrace trace)
    {
        var resources = ResourceCount;
        _services.Clear();
        ref var service = ref Unsafe.NullRef<ServiceCounts>();
        for (var i = 0; i < trace.SpanCount; i++)
        {
            var batch = trace.Batch(i);
            var (number, row) = trace.Spans[i];
            if (trace.Starts[i] == OrderedTrace.StartsResource)
            {
                AddResource(number, batch, batch.Resource[row]);
                service = ref ServiceOf(number, batch, batch.Resource[row]);
            }

            if (trace.Starts[i] >= OrderedTrace.StartsScope) AddScope(number, batch, batch.Scope[row]);
            _spanCounts[ScopeCount - 1]++;
            service.SpanCount++;
            if ((batch.Status[row] & SpanBatch.StatusCodeMask) == SpanBatch.StatusError) service.ErrorCount++;
            Spans.Add(trace, i);
        }

        Spans.EndTrace();
        AddRow(trace, ResourceCount - resources);
    }

    /// <summary>All rows of the page were added: computes all levels.</summary>
    public void Complete()
    {
        Rows.SetRows(TraceCount);
        ServiceLevels.Expand(Rows, _serviceCounts.AsSpan(0, TraceCount));
        ResourceLevels.Expand(Rows, _resourceCounts.AsSpan(0, TraceCount));
        ResourceAttributes.Complete();
        ScopeLevels.Expand(ResourceLevels, _scopeCounts.AsSpan(0, ResourceCount));
        ScopeAttributes.Complete();
        Spans.Levels.Expand(ScopeLevels, _spanCounts.AsSpan(0, ScopeCount));
        Spans.Complete();
    }

    private void AddRow(OrderedTrace trace, int resourceCount)
    {
        var n = TraceCount++;
        GrowableArray.Reserve(ref Ids, TraceCount * TraceId.SizeBytes);
        GrowableArray.Reserve(ref IdTexts, TraceCount * TraceId.SizeBytes * 2);
        GrowableArray.Reserve(ref IdTextOffsets, TraceCount + 1);
        GrowableArray.Reserve(ref Start, TraceCount);
        GrowableArray.Reserve(ref End, TraceCount);
        GrowableArray.Reserve(ref Duration, TraceCount);
        GrowableArray.Reserve(ref RootService, TraceCount);
        GrowableArray.Reserve(ref RootName, TraceCount);
        GrowableArray.Reserve(ref _serviceCounts, TraceCount);
        GrowableArray.Reserve(ref _resourceCounts, TraceCount);
        trace.Id.Write(Ids.AsSpan(n * TraceId.SizeBytes));
        IdTextOffsets[n + 1] = IdTextOffsets[n] + trace.Id.WriteShortText(IdTexts.AsSpan(IdTextOffsets[n]));
        Start[n] = (long)trace.StartUnixNano;
        End[n] = (long)trace.EndUnixNano;
        Duration[n] = (long)(trace.EndUnixNano - trace.StartUnixNano);
        if (trace.Root >= 0)
        {
            var batch = trace.Batch(trace.Root);
            var (number, row) = trace.Spans[trace.Root];
            RootService[n] =
                RootServices.Index(number, batch.Resources.ServiceName.Table, batch.Resources.ServiceName.Codes[batch.Resource[row]]);
            RootName[n] = RootNames.Index(number, batch.Name.Table, batch.Name.Codes[row]);
        }
        else
        {
            RootService[n] = RootServices.Index([]);
            RootName[n] = RootNames.Index([]);
        }

        _resourceCounts[n] = resourceCount;
        _serviceCounts[n] = _services.Count;
        foreach (var service in _services) AddService(service);
    }

    private void AddService(ServiceCounts service)
    {
        var n = ServiceCount++;
        GrowableArray.Reserve(ref StatsService, n + 1);
        GrowableArray.Reserve(ref StatsSpans, n + 1);
        GrowableArray.Reserve(ref StatsErrors, n + 1);
        StatsService[n] = service.Service;
        StatsSpans[n] = service.SpanCount;
        StatsErrors[n] = service.ErrorCount;
    }

    // Good until the next call.
    private ref ServiceCounts ServiceOf(int number, SpanBatch batch, int resource)
    {
        var names = batch.Resources.ServiceName;
        var service = StatsServices.Index(number, names.Table, names.Codes[resource]);
        GrowableArray.Reserve(ref _placeOfService, service + 1);
        var place = _placeOfService[service];
        if ((uint)place >= (uint)_services.Count || _services[place].Service != service)
        {
            _placeOfService[service] = place = _services.Count;
            _services.Add(new ServiceCounts { Service = service });
        }

        return ref CollectionsMarshal.AsSpan(_services)[place];
    }

    private void AddResource(int number, SpanBatch batch, int resource)
    {
        var r = batch.Resources;
        var n = ResourceCount++;
        GrowableArray.Reserve(ref ResourceService, n + 1);
        GrowableArray.Reserve(ref ResourceDroppedAttributes, n + 1);
        GrowableArray.Reserve(ref _scopeCounts, n + 1);
        ResourceService[n] = ResourceServices.Index(number, r.ServiceName.Table, r.ServiceName.Codes[resource]);
        ResourceDroppedAttributes[n] = (int)r.DroppedAttributes[resource];
        _scopeCounts[n] = 0;
        ResourceAttributes.AddOwner(
            number, r.Attributes, r.AttributeStart[resource], r.AttributeStart[resource + 1], batch, AttributeScope.Resource, resource);
    }

    private void AddScope(int number, SpanBatch batch, int scope)
    {
        var s = batch.Scopes;
        var n = ScopeCount++;
        GrowableArray.Reserve(ref ScopeName, n + 1);
        GrowableArray.Reserve(ref ScopeVersion, n + 1);
        GrowableArray.Reserve(ref ScopeDroppedAttributes, n + 1);
        GrowableArray.Reserve(ref _spanCounts, n + 1);
        _spanCounts[n] = 0;
        _scopeCounts[ResourceCount - 1]++;
        ScopeName[n] = ScopeNames.Index(number, s.Name.Table, s.Name.Codes[scope]);
        ScopeVersion[n] = ScopeVersions.Index(number, s.Version.Table, s.Version.Codes[scope]);
        ScopeDroppedAttributes[n] = (int)s.DroppedAttributes[scope];
        ScopeAttributes.AddOwner(
            number, s.Attributes, s.AttributeStart[scope], s.AttributeStart[scope + 1], batch, AttributeScope.Scope, scope);
    }

    /// <summary>A service in the trace at hand.</summary>
    private struct ServiceCounts
    {
        /// <summary>Dictionary index of its name.</summary>
        public int Service;
        public int SpanCount;
        public int ErrorCount;
    }
}
