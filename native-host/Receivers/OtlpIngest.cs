using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Grpc;
using Tempo.Host.Tenancy;
using Tempo.Ring;

namespace Tempo.Host.Receivers;

/// <summary>
/// What all receivers have in common behind their wire formats: tenant, ingest of an OTLP request (what came in another format
/// is one by now), and the outcome as a status.
/// </summary>
public sealed class OtlpIngest
{
    private static readonly TimeSpan ShortestRetry = TimeSpan.FromSeconds(1);
    private readonly IngestRouter _router;
    private readonly TenantResolver _tenants;
    private readonly AdmissionLine _line;
    private readonly Counter _accepted;
    private readonly Counter _refused;
    private readonly CounterFamily _invalid;
    private readonly (string Receiver, string Transport) _name;

    /// <param name="router">Takes the requests.</param>
    /// <param name="tenants">Reads the tenant from the headers.</param>
    /// <param name="line">Where requests wait to be read.</param>
    /// <param name="metrics">Gets the span counters.</param>
    /// <param name="receiver">The collector's name of the receiver, such as <c>otlp/otlp_receiver</c>.</param>
    /// <param name="transport">grpc, http …: the other label of the counters.</param>
    public OtlpIngest(
        IngestRouter router, TenantResolver tenants, AdmissionLine line, MetricRegistry metrics, string receiver, string transport)
    {
        _router = router;
        _tenants = tenants;
        _line = line;
        string[] labels = ["receiver", "transport"];
        string[] values = [receiver, transport];
        // Tempo's names lack the suffix of a counter.
        _accepted = metrics.Untyped("tempo_receiver_accepted_spans", "Spans that were stored.", labels).With(values);
        _refused = metrics.Untyped("tempo_receiver_refused_spans", "Spans that were not stored.", labels).With(values);
        _invalid = metrics.Counter("tempo_receiver_requests_invalid_total",
            "Requests of which no span could be read, by reason: decode, too_large, tenant, media_type.", "receiver", "transport",
            "reason");
        _name = (receiver, transport);
        _invalid.With(receiver, transport, "decode").Add(0);
    }

    /// <summary>Ok and the tenant, or the status to answer with. Ingest is always for one tenant.</summary>
    public GrpcStatus ResolveTenant(IHeaderDictionary headers, out TenantId tenant)
    {
        var status = ResolveTenant(headers[TenantResolver.HeaderName], out tenant);
        if (!status.IsOk) ReportInvalid("tenant");
        return status;
    }

    /// <summary>The same, of the values of the header, for one who asks before the request is taken: nothing is counted.</summary>
    public GrpcStatus ResolveTenant(StringValues header, out TenantId tenant) =>
        _tenants.ResolveOne(header, out tenant, out var error) switch
        {
            TenantFailure.None => GrpcStatus.Ok,

            // Tempo says Unavailable, which clients try again until they give up. No attempt will bring the header: told at once.
            TenantFailure.Missing => new GrpcStatus(GrpcStatusCode.Unauthenticated, error),
            _ => new GrpcStatus(GrpcStatusCode.InvalidArgument, error) { InvalidField = TenantResolver.HeaderName },
        };

    /// <summary>Ok when the body is to be read; else what to answer without reading it.</summary>
    public ValueTask<GrpcStatus> AdmitAsync(CancellationToken cancellation) => _line.EnterAsync(cancellation);

    /// <summary>
    /// Counts a request that is refused before it could be stored, if the reason is the request itself; returns the status.
    /// </summary>
    public GrpcStatus ReportUnread(in GrpcStatus status)
    {
        if (status.IsTooLarge) ReportInvalid("too_large");
        else if (status.Code is GrpcStatusCode.InvalidArgument or GrpcStatusCode.Unimplemented) ReportInvalid("decode");
        return status;
    }

    /// <summary>Counts a request of which no span could be read.</summary>
    /// <param name="reason">One of few words: it is a label.</param>
    public void ReportInvalid(string reason) => _invalid.With(_name.Receiver, _name.Transport, reason).Add();

    /// <summary>
    /// Stores a request (OTLP protobuf), counts its spans, and returns what to answer. Not cancellable: once a request is on
    /// its way to the disk, its outcome is what the sender must hear, even late.
    /// </summary>
    public async ValueTask<(GrpcStatus Status, IngestOutcome Outcome)> StoreAsync(TenantId tenant, RequestBody body)
    {
        try
        {
            var outcome = await _router.IngestAsync(tenant, body.Buffer).ConfigureAwait(false);
            _accepted.Add(outcome.AcceptedSpans);
            _refused.Add(outcome.RejectedSpans);
            // Where the spans could be told apart they are counted as discarded.
            if (outcome is { Status: IngestStatus.Invalid, RejectedSpans: 0 }) ReportInvalid("decode");
            return (ToStatus(outcome), outcome);
        }
        finally
        {
            _line.Leave();
        }
    }

    internal static GrpcStatus ToStatus(in IngestOutcome outcome) => outcome.Status switch
    {
        IngestStatus.Accepted => GrpcStatus.Ok,
        IngestStatus.Invalid => new GrpcStatus(GrpcStatusCode.InvalidArgument, outcome.Message) { InvalidField = "resource_spans" },
        IngestStatus.TooLarge => new GrpcStatus(GrpcStatusCode.ResourceExhausted, outcome.Message) { IsTooLarge = true },

        // Without a delay the batch is larger than the tenant's burst and can never succeed: not to be tried again.
        IngestStatus.RateLimited => new GrpcStatus(GrpcStatusCode.ResourceExhausted, outcome.Message) { RetryDelay = outcome.RetryAfter },
        _ => new GrpcStatus(GrpcStatusCode.Unavailable, outcome.Message)
        {
            RetryDelay = outcome.RetryAfter > ShortestRetry ? outcome.RetryAfter : ShortestRetry,
        },
    };
}
