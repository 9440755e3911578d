using Tempo.Engine.Foundation;
using Tempo.Engine.Query;

namespace Tempo.Engine.Node;

/// <summary>
/// Lets a few queries compute at once and others wait in line. A query computes on its threads from beginning to end: without
/// the gate a burst of them takes every thread of the pool, and ingest and /ready wait for seconds behind it. One that
/// waits in line holds no thread and no data. Thread safe.
/// <para>
/// Fair between tenants, whose queries may be of any length:
/// <code>
/// line      each tenant has one; a place that becomes free goes to the tenant that has fewest, and of those in turn
/// lend      places that nobody waits for are lent to queries that run, which then compute on several threads
/// guest     a tenant that has no place is let in at once though none is free, up to a number: it waits for no page of anybody's
/// reserve   while a tenant that comes and goes was here a moment ago, the last place is for nobody who has one already: its next
///           question finds a processor that computes for nobody else
/// yield     between two pieces of its work a query gives up the place of a thread: at once if its tenant has more than its part,
///           else after a while if a tenant waits that has none. The thread stands at the head of its tenant's line until its turn
///           comes again; so few may stand there that neither threads nor the memory of what they hold become many
/// </code>
/// </para>
/// </summary>
internal sealed partial class QueryGate
{
    /// <summary>How long a tenant that has one place keeps it while others that have none wait.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, TenantLine> _tenants = new(StringComparer.Ordinal);

    // Tenants that wait, in the order in which they are served where they have as many places.
    private readonly LinkedList<TenantLine> _turns = new();
    private readonly TimeProvider _time;
    private readonly TimeSpan _reserved;
    private readonly ITimer _reserveEnds;
    private readonly int _maxRunning;
    private readonly int _maxWaiting;
    private readonly int _maxWaitingOfTenant;
    private readonly int _maxGuests;
    private readonly int _maxYielded;

    // Below zero: guests.
    private int _free;
    private int _waiting;
    private int _yielded;

    // Who went last, leaving nothing here, and before it another one: so for each tenant there is one that is somebody else.
    private (string Tenant, long At) _gone = ("", 0);
    private (string Tenant, long At) _goneBefore = ("", 0);

    // Somebody waits, is a guest, or has had a place kept free: only then is there anything to yield for.
    private volatile bool _isPressed;

    /// <param name="maxRunning">Threads that compute.</param>
    /// <param name="maxWaiting">Queries in all lines.</param>
    /// <param name="maxWaitingOfTenant">Queries in the line of one tenant.</param>
    /// <param name="maxGuests">Threads beyond the first number, of tenants that would have none.</param>
    /// <param name="time">Measures turns.</param>
    /// <param name="reserved">
    /// For how long a place is kept free for a tenant that has gone: a page of a dashboard asks its questions one after the other. It costs
    /// a tenant with long queries a processor meanwhile. Zero: not at all.
    /// </param>
    public QueryGate(
        int maxRunning, int maxWaiting, int maxWaitingOfTenant = int.MaxValue, int maxGuests = 0, TimeProvider? time = null,
        TimeSpan reserved = default)
    {
        _maxRunning = _free = maxRunning;
        _maxWaiting = maxWaiting;
        _maxWaitingOfTenant = maxWaitingOfTenant;
        _maxGuests = maxGuests;
        _maxYielded = maxRunning * 8;
#pragma warning disable RS0030 // of who hands in none
        _time = time ?? TimeProvider.System;
#pragma warning restore RS0030
        _reserved = maxRunning > 1 ? reserved : TimeSpan.Zero;
        _reserveEnds =
            _time.CreateTimer(static state => ((QueryGate)state!).PassOnLater(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// Waits for a place; dispose the result to give it back. Throws <see cref="QueryException"/> (busy) if the line is full.
    /// </summary>
    public async ValueTask<Place> EnterAsync(string tenant, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        GarbageBudget.CheckQuery();
        SpareMemory.LetGoIfShort();
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        TenantLine line;
        lock (_lock)
        {
            line = LineOf(tenant);
            // Who waits is served first, but for one who would be alone without a place.
            if (_free > 0 && _waiting == 0 && MayTake(line) || line is { Held: 0, Waiting.Count: 0 } && _free > -_maxGuests)
            {
                Hold(line);
                return new Place(this, line);
            }

            if (Refuse(line) is { } refused)
            {
                Forget(line);
                throw refused;
            }

            Join(line, turn, atHead: false);
        }

        await using var registration = cancellation.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), turn).ConfigureAwait(false);
        try
        {
            await turn.Task.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            lock (_lock) Leave(line, turn);
            throw;
        }

        return new Place(this, line);
    }

    private QueryException? Refuse(TenantLine line) =>
        line.Waiting.Count >= _maxWaitingOfTenant ? new QueryException(
            QueryErrorKind.Busy, $"job queue full: {line.Waiting.Count} queries of this tenant wait; try again")
        : _waiting >= _maxWaiting ? new QueryException(
            QueryErrorKind.Busy, $"job queue full: {_maxRunning} queries run and {_waiting} wait; try again")
        : null;

    // Places that are free at this moment, without waiting.
    private int Take(TenantLine line, int wanted)
    {
        lock (_lock)
        {
            var taken = _waiting > 0 ? 0 : Math.Clamp(wanted, 0, Math.Max(0, _free - (IsReservedFrom(line) ? 1 : 0)));
            for (var i = 0; i < taken; i++) Hold(line);
            return taken;
        }
    }

    private void Return(TenantLine line, int count)
    {
        lock (_lock)
        {
            for (; count > 0; count--) Release(line);
        }
    }

    /// <summary>Threads that gave up their place and wait for their next turn.</summary>
    public int YieldedCount
    {
        get
        {
            lock (_lock) return _yielded;
        }
    }

    // Gives up a place and waits on this thread until its turn comes again.
    private void Yield(Place place, TenantLine line, CancellationToken cancellation)
    {
        var turn = new TaskCompletionSource();
        lock (_lock)
        {
            Press();
            if (_yielded >= _maxYielded || !IsToYield(line, _time.GetElapsedTime(place.Since) >= Turn)) return;
            _yielded++;
            Join(line, turn, atHead: true);
            Release(line);
        }

        try
        {
            // Of the task: the pool then knows that a thread of it stands still.
            turn.Task.Wait(cancellation);
        }
        catch (OperationCanceledException)
        {
            // It has to be there when the query gives it back.
            lock (_lock)
            {
                Hold(line);
                if (!Leave(line, turn)) Release(line); // its turn had come
            }

            throw;
        }
        finally
        {
            lock (_lock) _yielded--;
            place.Since = _time.GetTimestamp();
        }
    }

    private bool IsToYield(TenantLine line, bool isTurnOver)
    {
        if (line.Held > 1 && (_free < 0 || _free == 0 && IsReservedFrom(line))) return true;
        foreach (var other in _turns)
            if (other != line && (other.Held + 1 < line.Held || isTurnOver && other.Held < line.Held))
                return true;
        return false;
    }

    private TenantLine LineOf(string tenant)
    {
        if (!_tenants.TryGetValue(tenant, out var line)) _tenants.Add(tenant, line = new TenantLine(tenant));
        return line;
    }

    private void Forget(TenantLine line)
    {
        if (line is not { Held: 0, Waiting.Count: 0 }) return;
        _tenants.Remove(line.Tenant);
        if (_gone.Tenant != line.Tenant) _goneBefore = _gone;
        _gone = (line.Tenant, _time.GetTimestamp());
        Press();
    }

    // Another tenant was here a moment ago, and is not now.
    private bool IsReservedFrom(TenantLine line)
    {
        if (_reserved == TimeSpan.Zero) return false;
        var (tenant, at) = _gone.Tenant != line.Tenant ? _gone : _goneBefore;
        return tenant.Length > 0 && _time.GetElapsedTime(at) < _reserved && !_tenants.ContainsKey(tenant);
    }

    private bool MayTake(TenantLine line) => _free > 1 || line.Held == 0 || !IsReservedFrom(line);

    private void Press() =>
        _isPressed = _waiting > 0 || _free < 0 || _free == 0 && _reserved > TimeSpan.Zero && _gone.Tenant.Length > 0
            && _time.GetElapsedTime(_gone.At) < _reserved;

    private void Hold(TenantLine line)
    {
        line.Held++;
        _free--;
        Press();
    }

    private void Release(TenantLine line)
    {
        line.Held--;
        _free++;
        Forget(line); // before its place is passed on: it may be kept free for it
        PassOn();
        Press();
    }

    private void PassOn()
    {
        while (_free > 0 && TryPassOn()) { }
        // Who waits now does so for the end of the reserve, of which nobody else will tell.
        if (_free > 0 && _waiting > 0) _reserveEnds.Change(_reserved, Timeout.InfiniteTimeSpan);
    }

    private void PassOnLater()
    {
        lock (_lock) PassOn();
    }

    private void Join(TenantLine line, TaskCompletionSource turn, bool atHead)
    {
        if (line.Waiting.Count == 0) _turns.AddLast(line.Turn);
        if (atHead) line.Waiting.AddFirst(turn);
        else line.Waiting.AddLast(turn);
        _waiting++;
        _isPressed = true;
    }

    // False if whoever hands out places has taken it out of the line already.
    private bool Leave(TenantLine line, TaskCompletionSource turn)
    {
        if (!line.Waiting.Remove(turn)) return false;
        _waiting--;
        if (line.Waiting.Count == 0) _turns.Remove(line.Turn);
        Forget(line);
        return true;
    }

    // A place goes to the next one in line.
    private bool TryPassOn()
    {
        if (Next() is not { } line) return false;
        _turns.Remove(line.Turn);
        var turn = line.Waiting.First!.Value;
        line.Waiting.RemoveFirst();
        _waiting--;
        if (line.Waiting.Count > 0) _turns.AddLast(line.Turn);
        if (turn.TrySetResult()) Hold(line);
        else Forget(line); // it has gone
        return true;
    }

    private TenantLine? Next()
    {
        TenantLine? next = null;
        foreach (var line in _turns)
        {
            if (!MayTake(line)) continue;
            if (next is null || line.Held < next.Held) next = line;
            if (next.Held == 0) break;
        }

        return next;
    }

    /// <summary>One tenant's places and line. Under the lock.</summary>
    internal sealed class TenantLine
    {
        public TenantLine(string tenant)
        {
            Tenant = tenant;
            Turn = new LinkedListNode<TenantLine>(this);
        }

        public string Tenant { get; }

        /// <summary>Places that it has.</summary>
        public int Held { get; set; }

        public LinkedList<TaskCompletionSource> Waiting { get; } = new();

        /// <summary>In the list of those who wait, if it does.</summary>
        public LinkedListNode<TenantLine> Turn { get; }
    }
}
