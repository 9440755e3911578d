using System.Collections.Concurrent;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.Overrides;

/// <summary>What the process keeps of a tenant between its requests: limits in use, and its counters, looked up once.</summary>
internal sealed class TenantAccount(TenantId tenant, NodeMetrics metrics, TimeProvider time)
{
    private long _usedAt = time.GetTimestamp();

    public TenantId Tenant { get; } = tenant;
    public TokenBucket Bytes { get; } = new(time);
    public TraceBook Traces { get; } = new(time);
    public Counter BytesReceived { get; } = metrics.BytesReceived.With(tenant.Value);
    public Counter SpansReceived { get; } = metrics.SpansReceived.With(tenant.Value);
    public Counter SpansStored { get; } = metrics.SpansStored.With(tenant.Value);

    public TimeSpan Unused => time.GetElapsedTime(Interlocked.Read(ref _usedAt));

    public void Touch() => Interlocked.Exchange(ref _usedAt, time.GetTimestamp());

    public void Discard(string reason, int spans)
    {
        if (spans > 0) metrics.SpansDiscarded.With(reason, Tenant.Value).Add(spans);
    }

    /// <summary>Counts a request's spans whose ids make no sense, and says what is wrong with them; empty: nothing is.</summary>
    public string DiscardInvalid(in OtlpRequestSummary summary)
    {
        if (summary.InvalidSpanCount == 0) return "";
        Discard("invalid_trace_id", summary.InvalidTraceIdCount);
        Discard("invalid_span_id", summary.InvalidSpanIdCount);
        return $"{summary.InvalidTraceIdCount} spans have a trace id that is not 16 bytes or is all zero, "
            + $"{summary.InvalidSpanIdCount} a span id that is not 8 bytes or is all zero (or a parent id that is neither empty nor 8 bytes)";
    }
}

/// <summary>
/// The accounts of the tenants that send. Bounded: a tenant beyond the limit is refused unless one that has been silent for
/// an hour can make way. Thread safe.
/// </summary>
internal sealed class TenantBook(int maxTenants, NodeMetrics metrics, TimeProvider time)
{
    /// <summary>Stands for all tenants that were refused; no tenant can have this name.</summary>
    private const string RefusedTenants = "|refused|";

    private static readonly TimeSpan Silent = TimeSpan.FromHours(1);

    /// <summary>
    /// Who is refused for want of room does not look through all accounts, which would cost a server of 10,000 tenants a fifth of a
    /// millisecond for each request of any name that somebody makes up.
    /// </summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<TenantId, TenantAccount> _accounts = new();
    private readonly Lock _adding = new();
    private int _count; // of _accounts, which would lock all of itself to count
    private long? _lastLook;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Null if there is no room.</summary>
    public TenantAccount? Find(TenantId tenant)
    {
        var account = _accounts.TryGetValue(tenant, out var known) ? known : Open(tenant);
        account?.Touch();
        return account;
    }

    /// <summary>The answer to a request of a tenant that there is no room for; its spans are counted.</summary>
    public IngestOutcome Refuse(TenantId tenant, NativeBuffer request)
    {
        var summary = default(OtlpRequestSummary);
        metrics.BytesReceived.With(RefusedTenants).Add(request.Length);
        if (!OtlpTraceReader.TryRead(request.Written, ref summary, out var error))
            return new IngestOutcome(IngestStatus.Invalid, 0, 0, error.Message);
        metrics.SpansReceived.With(RefusedTenants).Add(summary.SpanCount);
        metrics.SpansDiscarded.With("max_tenants", RefusedTenants).Add(summary.SpanCount);
        return new IngestOutcome(IngestStatus.RateLimited, 0, summary.SpanCount,
            $"tenant {tenant.Value} is new, and {maxTenants} tenants is the most this process takes (distributor.max_tenants)");
    }

    /// <summary>Gives back memory of tenants that have become silent. Not for the way of a request.</summary>
    public void Trim()
    {
        foreach (var (_, account) in _accounts) account.Traces.Trim();
    }

    private TenantAccount? Open(TenantId tenant)
    {
        lock (_adding)
        {
            if (_accounts.TryGetValue(tenant, out var account)) return account;
            if (_count >= maxTenants && !DropSilent()) return null;
            account = new TenantAccount(tenant, metrics, time);
            _accounts[tenant] = account;
            _count++;
            return account;
        }
    }

    private bool DropSilent()
    {
        if (_lastLook is { } last && time.GetElapsedTime(last) < LookInterval) return false;
        _lastLook = time.GetTimestamp();
        var before = _count;
        foreach (var (tenant, account) in _accounts)
        {
            if (account.Unused < Silent) continue;
            if (_accounts.TryRemove(tenant, out _)) _count--;
            metrics.Forget(tenant);
        }

        return _count < before;
    }
}
