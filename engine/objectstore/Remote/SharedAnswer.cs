namespace Tempo.Engine.ObjectStore;

/// <summary>
/// One answer for all who ask at once, each with a patience of its own: who gives up ends nobody else's answer, nor the asking, which has a
/// limit of its own. Thread safe.
/// </summary>
internal sealed class SharedAnswer<T>
{
    private readonly Lock _lock = new();
    private Task<T>? _asking; // guarded by _lock

    /// <summary>Throws what asking throws, and <see cref="OperationCanceledException"/> for who has no patience left.</summary>
    /// <param name="ask">Begins to ask, if nobody is being asked; whoever begins after it has ended sees what it did.</param>
    /// <param name="cancellation">Of this caller alone.</param>
    public Task<T> GetAsync(Func<Task<T>> ask, CancellationToken cancellation)
    {
        Task<T> asking;
        lock (_lock) asking = _asking is { IsCompleted: false } ? _asking : _asking = ask();
        return asking.WaitAsync(cancellation);
    }
}
