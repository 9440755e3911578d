using Microsoft.Extensions.Primitives;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;
using Tempo.Host.Telemetry;

namespace Tempo.Host.Edge;

/// <summary>A receiver of plain posts (<see cref="PostHead"/>): the same admission, memory, ingest, limits and metrics as that of <see cref="OtlpHttpReceiver"/>.</summary>
/// <param name="Ingest">Stores what comes.</param>
/// <param name="Memory">Where bodies are rented.</param>
/// <param name="MaxBodyBytes">A longer one is not read here.</param>
/// <param name="Path">Where it takes posts.</param>
/// <param name="Requests">Gets their durations.</param>
/// <param name="Log">Gets what failed by a fault of ours.</param>
/// <param name="Time">The clock.</param>
internal sealed record PlainPosts(OtlpIngest Ingest, RequestMemory Memory, int MaxBodyBytes, string Path, RequestMetrics Requests, Log Log, TimeProvider Time)
{
    /// <summary>What a request line must be.</summary>
    public byte[] RequestLine { get; } = PostHead.RequestLine(Path);

    /// <summary>Connections that are served here at once; beyond it the idle one whose time is over first makes room for a new one.</summary>
    public int MaxConnections { get; init; } = 20_000;

    public EdgeAnswers Answers { get; } = new(Time);

    /// <summary>Of the value of its header, null where there is none; false if there is no saying.</summary>
    public bool TryResolveTenant(string? header, out TenantId tenant) => Ingest.ResolveTenant(header is null ? StringValues.Empty : new StringValues(header), out tenant).IsOk;

    public void Observe(int code, long started) => Requests.Observe("POST", "v1_traces", code switch { 200 => "200", 503 => "503", _ => code.ToString(System.Globalization.CultureInfo.InvariantCulture) }, Time.GetElapsedTime(started));

    /// <summary>What is sent for an outcome, and its code.</summary>
    public (int Code, byte[] Answer) AnswerOf(in GrpcStatus status, in IngestOutcome outcome)
    {
        if (!status.IsOk) return (HttpBody.StatusOf(status), Answers.Error(HttpBody.StatusOf(status), status));
        return (200, outcome.RejectedSpans == 0 && string.IsNullOrEmpty(outcome.Message) ? Answers.Success : Answers.Partial(outcome));
    }
}
