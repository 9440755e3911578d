using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;

namespace Tempo.Host.Edge;

/// <summary>What is done with the plain posts (<see cref="PostHead"/>) of a port.</summary>
/// <param name="shape">What their heads look like, and where they go.</param>
/// <param name="memory">Where bodies are rented.</param>
/// <param name="maxBodyBytes">A longer one is not read here.</param>
/// <param name="log">Gets what failed by a fault of ours.</param>
/// <param name="time">The clock.</param>
internal abstract class PlainPosts(PostShape shape, RequestMemory memory, int maxBodyBytes, Log log, TimeProvider time)
{
    public PostShape Shape => shape;

    public RequestMemory Memory => memory;

    public int MaxBodyBytes => maxBodyBytes;

    public Log Log => log;

    public TimeProvider Time => time;

    /// <summary>
    /// Connections that are served here at once; beyond it the idle one whose time is over first makes room for a new one.
    /// </summary>
    public int MaxConnections { get; init; } = 20_000;

    public EdgeAnswers Answers { get; } = new(time);

    /// <summary>
    /// Bytes of a body that are waited for before a thread is woken; 1: any. More is for senders that have all of it ready.
    /// </summary>
    public virtual int WaitsForBytes => 1;

    /// <summary>Nothing that stands before the handler is passed over: who sends is judged here.</summary>
    public virtual bool JudgesSender => false;

    /// <summary>
    /// Whether a post is served here, by the value of the header that says who sends, null where there is none; and for which tenant, if
    /// that says so.
    /// </summary>
    public abstract bool TryAccept(string? sender, out TenantId tenant);

    /// <summary>Ok when the body is to be read; else what to answer without reading it.</summary>
    public abstract ValueTask<GrpcStatus> AdmitAsync();

    /// <summary>The code of what is refused before it is stored, and the answer.</summary>
    public abstract (int Code, byte[] Answer) Refuse(in GrpcStatus status);

    /// <summary>Stores a body, and returns what to answer.</summary>
    public abstract ValueTask<(int Code, byte[] Answer)> StoreAsync(TenantId tenant, RequestBody body);

    /// <summary>Counts an answer.</summary>
    public abstract void Observe(int code, long started);
}
