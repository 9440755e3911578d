using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Forwarding;

/// <summary>
/// Sends accepted requests on to other OTLP servers, to those that the tenant's overrides name. The sender is answered without
/// waiting for it: a server that is down for long costs the copies, never ours. For each tenant and forwarder there is a queue of
/// <see cref="MaxQueued"/> requests, all of them together hold at most <see cref="MaxQueuedBytes"/>; what finds its queue full is dropped
/// and counted. Requests of a queue go out one after the other, each tried up to <see cref="Attempts"/> times. Thread safe.
/// </summary>
public sealed class Forwarders : IAsyncDisposable
{
    /// <summary>Tempo's.</summary>
    public const int MaxQueued = 100;

    /// <summary>A hundred requests of 4 MiB for a hundred tenants would be the whole memory.</summary>
    public const long MaxQueuedBytes = 64 << 20;

    /// <summary>A connection that breaks costs nothing; a server that is away is not waited for.</summary>
    private const int Attempts = 3;

    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(10);
    private readonly Dictionary<string, OtlpForwardClient[]> _clients;
    private readonly Func<TenantId, IReadOnlyList<string>> _namesOf;

    // Those that something is taken from. Guarded by itself, for the moment of a look-up and a place in line.
    private readonly Dictionary<(TenantId Tenant, string Name), TenantQueue> _queues = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly CounterFamily _pushes;
    private readonly CounterFamily _failures;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private long _queuedBytes;

    /// <summary>Throws <see cref="NodeStartException"/> for a certificate that cannot be read.</summary>
    public Forwarders(
        IReadOnlyList<ForwarderOptions> options, Func<TenantId, IReadOnlyList<string>> namesOf, MetricRegistry metrics, Log log,
        TimeProvider time)
    {
        (_namesOf, _log, _time) = (namesOf, log, time);
        _clients = options.ToDictionary(static forwarder => forwarder.Name,
            static forwarder => forwarder.Endpoints.Select(endpoint => new OtlpForwardClient(forwarder, endpoint)).ToArray(),
            StringComparer.Ordinal);
        _pushes = metrics.Counter("tempo_distributor_forwarder_pushes_total", "Requests that were to be sent on.", "forwarder", "tenant");
        _failures = metrics.Counter(
            "tempo_distributor_forwarder_pushes_failures_total", "Requests that were not sent on.", "forwarder", "tenant", "reason");
    }

    /// <summary>Queues a copy of an accepted request for each forwarder of the tenant.</summary>
    public void Accept(TenantId tenant, ReadOnlySpan<byte> otlp)
    {
        byte[]? copy = null;
        foreach (var name in _namesOf(tenant))
        {
            _pushes.With(name, tenant.Value).Add(1);
            if (!_clients.TryGetValue(name, out var clients)) Fail(name, tenant, "unknown");
            else if (Interlocked.Add(ref _queuedBytes, otlp.Length) > MaxQueuedBytes)
            {
                Interlocked.Add(ref _queuedBytes, -otlp.Length);
                Fail(name, tenant, "queue_full");
            }
            else
            {
                copy ??= otlp.ToArray();
                if (TryAdd(tenant, name, clients, copy)) continue;
                Interlocked.Add(ref _queuedBytes, -otlp.Length);
                Fail(name, tenant, "queue_full");
            }
        }
    }

    /// <summary>Queues that something is taken from.</summary>
    internal int QueueCount
    {
        get
        {
            lock (_queues) return _queues.Count;
        }
    }

    private bool TryAdd(TenantId tenant, string name, OtlpForwardClient[] clients, byte[] request)
    {
        lock (_queues)
        {
            if (_queues.TryGetValue((tenant, name), out var queue))
            {
                if (queue.Requests.Count >= MaxQueued) return false;
                queue.Requests.Enqueue(request);
                return true;
            }

            _queues.Add((tenant, name), queue = new TenantQueue());
            queue.Requests.Enqueue(request);
            queue.Running = DrainAsync(queue, tenant, name, clients);
            return true;
        }
    }

    /// <summary>Gives what is queued a second, and lets go of the rest.</summary>
    public async ValueTask DisposeAsync()
    {
        Task running;
        lock (_queues) running = Task.WhenAll(_queues.Values.Select(static queue => queue.Running));
        await Task.WhenAny(running, Task.Delay(TimeSpan.FromSeconds(1), _time)).ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(false);
        foreach (var client in _clients.Values.SelectMany(static clients => clients)) client.Dispose();
        _stop.Dispose();
    }

    private async Task DrainAsync(TenantQueue queue, TenantId tenant, string name, OtlpForwardClient[] clients)
    {
        // Who sends a request does not wait for the first one to go on.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (TryTake(tenant, name, queue, out var request))
        {
            try
            {
                foreach (var client in clients)
                    if (await SendAsync(client, tenant, request).ConfigureAwait(false) is { Length: > 0 } error)
                        FailSend(name, tenant, error);
            }
            catch (Exception e)
            {
                // Of memory, for one: the queue would fill, and nobody would empty it any more.
                FailSend(name, tenant, e.Message);
            }
            finally
            {
                Interlocked.Add(ref _queuedBytes, -request.Length);
            }
        }
    }

    private async Task<string> SendAsync(OtlpForwardClient client, TenantId tenant, byte[] request)
    {
        var error = "the process stops";
        for (var attempt = 1; attempt <= Attempts && !_stop.IsCancellationRequested; attempt++)
        {
            try
            {
                using var limit = new CancellationTokenSource(AttemptLimit, _time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token);
                (error, var isTransient) = await client.SendAsync(tenant, request, either.Token).ConfigureAwait(false);
                if (error.Length == 0 || !isTransient) return error;
                if (attempt < Attempts)
                    await Task.Delay(TimeSpan.FromMilliseconds(100 * attempt * attempt), _time, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                error = _stop.IsCancellationRequested ? "the process stops" : $"no answer in {AttemptLimit.TotalSeconds} s";
            }
        }

        return error;
    }

    private void FailSend(string name, TenantId tenant, string error)
    {
        Fail(name, tenant, "send");
        _log.Warn("a request could not be forwarded", ("forwarder", name), ("tenant", tenant.Value), ("error", error));
    }

    private void Fail(string name, TenantId tenant, string reason) => _failures.With(name, tenant.Value, reason).Add(1);

    // Idle from now on, and forgotten, if there is none.
    private bool TryTake(TenantId tenant, string name, TenantQueue queue, out byte[] request)
    {
        lock (_queues)
        {
            if (queue.Requests.TryDequeue(out request!)) return true;
            _queues.Remove((tenant, name));
            return false;
        }
    }

    /// <summary>Guarded by the lock of the queues.</summary>
    private sealed class TenantQueue
    {
        public Queue<byte[]> Requests { get; } = new();

        public Task Running { get; set; } = Task.CompletedTask;
    }
}
