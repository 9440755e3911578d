using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>A tenant's queue and its senders, one a target.</summary>
internal sealed class TenantRemoteWrite : IAsyncDisposable
{
    /// <summary>Holds a folder for each tenant.</summary>
    public const string QueuesFolder = "queues";

    private readonly CancellationTokenSource _stop = new();
    private readonly RemoteWriteSender[] _senders;
    private readonly Task[] _running;

    private TenantRemoteWrite(SendQueue queue, RemoteWriteSender[] senders)
    {
        Queue = queue;
        _senders = senders;
        _running = [.. senders.Select(sender => sender.RunAsync(_stop.Token))];
    }

    public SendQueue Queue { get; }

    /// <summary>What a target last answered, if it does not take what it is sent.</summary>
    public string LastError =>
        _running.Select(static task => task.Exception?.GetBaseException().Message ?? "")
            .Concat(_senders.Select(static sender => sender.LastError))
            .FirstOrDefault(static error => error.Length > 0) ?? "";

    /// <summary>Null if the queue's folder cannot be used.</summary>
    public static TenantRemoteWrite? Open(
        TenantId tenant, IDisk disk, SendQueueOptions options, IReadOnlyList<RemoteWriteTarget> targets,
        IReadOnlyList<RemoteWriteClient> clients,
        Func<RemoteWriteTarget, IReadOnlyList<KeyValuePair<string, string>>> tenantHeaders, SenderServices services, out DiskError error)
    {
        if (SendQueue.Open(disk, $"{QueuesFolder}/{tenant.Value}", options, [.. targets.Select(static target => target.Id)],
            out error) is not { } queue)
            return null;
        if (queue.DamagedSamples > 0)
            services.Log.Error("remote write: the queue on disk is damaged, what lies behind the damage in its segment is not sent",
                ("tenant", tenant.Value), ("samples", queue.DamagedSamples));
        return new TenantRemoteWrite(
            queue, [.. targets.Select(
                (target, i) => new RemoteWriteSender(tenant, target, i, clients[i], queue, tenantHeaders, services))]);
    }

    /// <summary>Sends what is there, for at most <paramref name="deadline"/>; the rest stays in the queue for the next start.</summary>
    public async Task DrainAsync(TimeSpan deadline, TimeProvider time)
    {
        foreach (var sender in _senders) sender.Stop();
        try
        {
            await Task.WhenAll(_running).WaitAsync(deadline, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _stop.CancelAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        // One that has failed has told so through LastError.
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var sender in _senders) sender.Dispose();
        Queue.Dispose();
        _stop.Dispose();
    }
}
