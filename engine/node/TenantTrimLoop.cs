using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node;

/// <summary>
/// Gives back, once a minute, what is kept of tenants that have become silent, or have no block any more: their own next request, which
/// would do it, may never come.
/// </summary>
internal sealed class TenantTrimLoop(IReadOnlyList<Action> trims, Log messages, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>Why the last round failed; empty if it did not.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Runs until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => NodeLoop.EveryAsync(Interval, RunOnceAsync, e =>
    {
        LastError = e.Message;
        messages.Error("memory of silent tenants not given back", ("err", e));
    }, time, cancellation);

    private Task RunOnceAsync(CancellationToken cancellation)
    {
        foreach (var trim in trims) trim();
        LastError = "";
        return Task.CompletedTask;
    }
}
