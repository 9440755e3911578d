namespace Tempo.Engine.ObjectStore;

/// <summary>Requests that wait for a network, several at once.</summary>
internal static class SideBySide
{
    /// <summary>Asks for each, at most so many at once; ends with the last. The first error is thrown then.</summary>
    public static async Task ForEachAsync<T>(IEnumerable<T> all, int most, Func<T, Task> ask, CancellationToken cancellation)
    {
        using var places = new SemaphoreSlim(most);
        await Task.WhenAll(all.Select(async one =>
        {
            await places.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                await ask(one).ConfigureAwait(false);
            }
            finally
            {
                places.Release();
            }
        })).ConfigureAwait(false);
    }
}
