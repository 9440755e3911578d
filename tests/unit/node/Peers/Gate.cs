namespace Tempo.Node.Tests.Peers;

/// <summary>Holds who comes until it lets one go.</summary>
internal sealed class Gate
{
    private readonly Lock _lock = new();
    private readonly List<TaskCompletionSource> _waiting = [];

    public Task PassAsync()
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock) _waiting.Add(turn);
        return turn.Task;
    }

    /// <summary>Lets those go who come until this is over.</summary>
    public async Task<T> OpenUntilAsync<T>(Task<T> isOver)
    {
        while (!isOver.IsCompleted)
        {
            OpenOne(new Random(1));
            await Task.Yield();
        }

        return await isOver;
    }

    public void OpenOne(Random random)
    {
        lock (_lock)
        {
            if (_waiting.Count == 0) return;
            var one = random.Next(_waiting.Count);
            _waiting[one].SetResult();
            _waiting.RemoveAt(one);
        }
    }
}
