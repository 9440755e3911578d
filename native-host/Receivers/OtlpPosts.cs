using Microsoft.Extensions.Primitives;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Edge;
using Tempo.Host.Grpc;
using Tempo.Host.Telemetry;

namespace Tempo.Host.Receivers;

/// <summary>
/// A receiver of plain posts: the same admission, memory, ingest, limits and metrics as that of <see cref="OtlpHttpReceiver"/>.
/// </summary>
/// <param name="ingest">Stores what comes.</param>
/// <param name="memory">Where bodies are rented.</param>
/// <param name="maxBodyBytes">A longer one is not read here.</param>
/// <param name="path">Where it takes posts.</param>
/// <param name="requests">Gets their durations.</param>
/// <param name="log">Gets what failed by a fault of ours.</param>
/// <param name="time">The clock.</param>
internal sealed class OtlpPosts(
    OtlpIngest ingest, RequestMemory memory, int maxBodyBytes, string path, RequestMetrics requests, Log log, TimeProvider time)
    : PlainPosts(PostShape.Otlp(path), memory, maxBodyBytes, log, time)
{
    public override bool TryAccept(string? sender, out TenantId tenant) =>
        ingest.ResolveTenant(sender is null ? StringValues.Empty : new StringValues(sender), out tenant).IsOk;

    public override ValueTask<GrpcStatus> AdmitAsync() => ingest.AdmitAsync(CancellationToken.None);

    public override (int Code, byte[] Answer) Refuse(in GrpcStatus status) =>
        (HttpBody.StatusOf(status), Answers.Error(HttpBody.StatusOf(status), status));

    public override async ValueTask<(int Code, byte[] Answer)> StoreAsync(TenantId tenant, RequestBody body)
    {
        var (status, outcome) = await ingest.StoreAsync(tenant, body).ConfigureAwait(false);
        return AnswerOf(status, outcome);
    }

    public override void Observe(int code, long started) =>
        requests.Observe("POST", "v1_traces", code switch
        {
            200 => "200",
            503 => "503",
            _ => code.ToString(System.Globalization.CultureInfo.InvariantCulture)
        }, Time.GetElapsedTime(started));

    private (int Code, byte[] Answer) AnswerOf(in GrpcStatus status, in IngestOutcome outcome) =>
        !status.IsOk
            ? Refuse(status)
            : (200, outcome.RejectedSpans == 0 && string.IsNullOrEmpty(outcome.Message) ? Answers.Success : Answers.Partial(outcome));
}
