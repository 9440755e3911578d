namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Runs requests against a service: each attempt with a deadline of its own, transient faults repeated with exponential
/// back-off and full jitter inside the <see cref="RetryBudget"/>, a service's Retry-After respected. Thread safe.
/// </summary>
internal sealed class RemoteAttempts(RemoteOptions options, IRemoteObjects remote, RetryBudget budget, TimeProvider time, Random random)
{
    /// <summary>
    /// The result of the first attempt that succeeds. Faults that are answers (<see cref="RemoteFault.NotFound"/>,
    /// <see cref="RemoteFault.Exists"/>, <see cref="RemoteFault.OutOfRange"/>) are a <see cref="RemoteAnswerException"/>, all
    /// others an <see cref="ObjectStoreException"/>.
    /// </summary>
    /// <param name="key">For the error's text.</param>
    /// <param name="what">For the error's text, e.g. "put".</param>
    /// <param name="sizeBytes">That are sent or asked for, for the deadline.</param>
    /// <param name="attempt">One attempt; its number counts from 0.</param>
    /// <param name="cancellation">Of the caller.</param>
    public async Task<T> RunAsync<T>(
        ObjectKey key, string what, long sizeBytes, Func<int, CancellationToken, Task<T>> attempt, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (budget.IsBroken())
            throw new ObjectStoreException(ObjectStoreError.Failed, key,
                $"{what}: the service has not answered lately and is asked again in {options.BreakFor.TotalSeconds:0} s");
        try
        {
            return await AttemptAsync(key, what, sizeBytes, attempt, cancellation).ConfigureAwait(false);
        }
        finally
        {
            budget.ReportEnd();
        }
    }

    private async Task<T> AttemptAsync<T>(
        ObjectKey key, string what, long sizeBytes, Func<int, CancellationToken, Task<T>> attempt, CancellationToken cancellation)
    {
        for (var number = 0; ; number++)
        {
            try
            {
                var result = await RunOnceAsync(sizeBytes, token => attempt(number, token), cancellation).ConfigureAwait(false);
                budget.ReportSuccess();
                return result;
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                var delay = Judge(key, what, number, e);
                await Task.Delay(delay, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task<T> RunOnceAsync<T>(long sizeBytes, Func<CancellationToken, Task<T>> attempt, CancellationToken cancellation)
    {
        var timeout = options.AttemptTimeout + TimeSpan.FromSeconds((double)sizeBytes / options.SlowestBytesPerSecond);
        using var deadline = new CancellationTokenSource(timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, deadline.Token);
        try
        {
            return await attempt(both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer within {timeout.TotalSeconds:0.#} s");
        }
    }

    // How long to wait before the next attempt; throws if there is to be none.
    private TimeSpan Judge(ObjectKey key, string what, int number, Exception e)
    {
        TimeSpan retryAfter = default;
        var fault = e switch
        {
            IdentityException { IsTransient: false } => RemoteFault.Denied,
            TimeoutException or IOException or IdentityException or HttpRequestException { StatusCode: null } => RemoteFault.Transient,
            _ => remote.Classify(e, out retryAfter),
        };
        switch (fault)
        {
            case RemoteFault.Unknown: System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e); break;
            case RemoteFault.NotFound or RemoteFault.Exists or RemoteFault.OutOfRange:
                budget.ReportSuccess();
                throw new RemoteAnswerException(fault, number > 0);
            case RemoteFault.Denied or RemoteFault.Refused:
                if (e is not IdentityException) budget.ReportSuccess(); // it answers; without an identity it was not asked
                var error = fault == RemoteFault.Denied ? ObjectStoreError.AccessDenied : ObjectStoreError.Failed;
                throw new ObjectStoreException(error, key, $"{what}: {e.Message}", e);
        }

        if (number + 1 < options.MaxAttempts && budget.TryTake())
        {
            var backoff = options.FirstDelay.TotalMilliseconds * Math.Pow(2, number);
            var jittered = TimeSpan.FromMilliseconds(Math.Min(backoff, options.LongestDelay.TotalMilliseconds) * NextShare());
            return retryAfter > jittered ? (retryAfter < options.LongestDelay ? retryAfter : options.LongestDelay) : jittered;
        }

        budget.ReportFailure();
        throw new ObjectStoreException(ObjectStoreError.Failed, key, $"{what}: {e.Message} (attempt {number + 1})", e);
    }

    private double NextShare()
    {
        lock (random) return random.NextDouble();
    }
}

/// <summary>A fault that is an answer. <see cref="IsRepeated"/>: an earlier attempt may have been carried out.</summary>
internal sealed class RemoteAnswerException(RemoteFault fault, bool isRepeated) : Exception(fault.ToString())
{
    public RemoteFault Fault { get; } = fault;

    public bool IsRepeated { get; } = isRepeated;
}
