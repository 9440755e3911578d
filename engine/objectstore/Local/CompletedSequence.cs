namespace Tempo.Engine.ObjectStore;

/// <summary>A sequence that is computed on the calling thread, in the dress of an asynchronous one.</summary>
internal sealed class CompletedSequence<T>(IEnumerable<T> items, CancellationToken cancellation) : IAsyncEnumerable<T>
{
    public IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new Enumerator(items.GetEnumerator(), cancellation, cancellationToken);

    // Two tokens: that of the call, and that of WithCancellation.
    private sealed class Enumerator(IEnumerator<T> items, CancellationToken first, CancellationToken second) : IAsyncEnumerator<T>
    {
        public T Current => items.Current;

        public ValueTask<bool> MoveNextAsync()
        {
            first.ThrowIfCancellationRequested();
            second.ThrowIfCancellationRequested();
            return ValueTask.FromResult(items.MoveNext());
        }

        public ValueTask DisposeAsync()
        {
            items.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
