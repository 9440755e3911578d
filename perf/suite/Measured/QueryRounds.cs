using System.Diagnostics;
using System.Text.Json;
using Tempo.Perf.Load.Queries;
using Tempo.Perf.Suite.Asked;
using Tempo.Perf.Suite.Sent;

namespace Tempo.Perf.Suite.Measured;

/// <summary>
/// Asks the servers about the corpus: every query and look-up again and again for a slice of time, by turns, in each round.
/// </summary>
internal sealed class QueryRounds(Corpus corpus, List<TestedServer> servers, double sliceSeconds, Report report)
{
    private static readonly TimeSpan VisibleLimit = TimeSpan.FromSeconds(120);

    private readonly Dictionary<string, Figure> _figures = [];

    /// <summary>Sends the corpus and waits until each server counts all of it.</summary>
    public void Fill()
    {
        foreach (TestedServer server in servers)
        {
            corpus.SendTo(server.Target());
            server.Flush();
        }

        foreach (TestedServer server in servers)
        {
            long counted = -1, start = Stopwatch.GetTimestamp();
            while (counted < corpus.Spans.Count && Stopwatch.GetElapsedTime(start) < VisibleLimit)
            {
                if (counted >= 0) Thread.Sleep(1000);
                counted = server.CountSpans(corpus.StartSeconds, corpus.EndSeconds);
            }

            report.Check(
                $"{server.Name}: every span sent is counted", counted == corpus.Spans.Count ? null : $"{counted} of {corpus.Spans.Count}");
        }
    }

    public void Round(int round)
    {
        string session = corpus.Spans.Select(static span => span.Attribute("session.id")).First(static value => value is not null)!;
        var oracle = new Oracle(corpus, session);
        foreach (QueryCase query in QueryCase.All)
        {
            string text = query.Text.Replace("{session}", session, StringComparison.Ordinal);
            string path = TestedServer.Path(query, text, corpus.StartSeconds, corpus.EndSeconds, corpus.Traces.Count + 1);
            if (round == 0) Compare(query, path, oracle);
            foreach (TestedServer server in Order(servers, round)) Measure(query.Name, server, _ => server.Get(path));
        }

        string[] ids = [.. corpus.Traces.Keys.Take(1000)];
        foreach (TestedServer server in Order(servers, round))
        {
            Measure("trace by id, hit", server, turn => server.Get($"/api/v2/traces/{ids[turn % ids.Length]}"));
            Measure("trace by id, miss", server, turn =>
            {
                int status = server.Status($"/api/traces/{turn + 1:x16}{round + 1:x16}");
                if (status != 404) throw new IOException($"{server.Name} answers {status} for a trace that is not there");
            });
            if (round == 0) CheckTraces(server);
        }
    }

    /// <summary>Ours first in even rounds, last in odd ones.</summary>
    public static IEnumerable<TestedServer> Order(List<TestedServer> servers, int round) =>
        round % 2 == 0 ? servers : servers.AsEnumerable().Reverse();

    private void Measure(string name, TestedServer server, Action<int> ask)
    {
        ask(0);
        double? cpu = server.CpuSeconds();
        long start = Stopwatch.GetTimestamp();
        int count = 0;
        do ask(++count);
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < sliceSeconds);
        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        cpu = server.CpuSeconds() - cpu;

        // One unit for both: time at the clock if one of them runs elsewhere.
        bool isCpu = servers.TrueForAll(static one => one.Pid is not null);
        if (!_figures.TryGetValue(name, out Figure? figure))
            _figures[name] = figure = report.Figure(name, isCpu ? "CPU ms" : "ms", isMoreBetter: false);
        figure.Add(server.Name, (isCpu ? cpu : wall) * 1000 / count);
    }

    private void Compare(QueryCase query, string path, Oracle oracle)
    {
        List<Answer> answers = [];
        foreach (TestedServer server in servers)
        {
            using JsonDocument document = JsonDocument.Parse(server.Get(path));
            answers.Add(Answer.Read(query, document.RootElement));
        }

        string? difference = oracle.Difference(query, answers[0], out bool isKnown);
        report.Check($"{query.Name}: ours is {(isKnown ? "what was sent" : "there")}", difference);
        if (answers.Count < 2) return;
        // Where the right answer is known it decides; what the peer makes of it is told and is no failure of ours.
        string? other = answers[0].Difference(answers[1]);
        if (isKnown && other is not null) report.Remark($"{query.Name}: the peer's answer is another: ours has {other}");
        else if (!isKnown) report.Check($"{query.Name}: ours is the peer's", other);
    }

    private void CheckTraces(TestedServer server)
    {
        foreach ((string id, IReadOnlyList<SentSpan> spans) in corpus.Traces.Take(50))
        {
            using JsonDocument document = JsonDocument.Parse(server.Get($"/api/v2/traces/{id}"));
            int count = 0;
            foreach (JsonElement resource in document.RootElement.GetProperty("trace").GetProperty("resourceSpans").EnumerateArray())
                foreach (JsonElement scope in resource.GetProperty("scopeSpans").EnumerateArray())
                    count += scope.GetProperty("spans").GetArrayLength();
            if (count != spans.Count) report.Check($"{server.Name}: trace {id}", $"{count} spans instead of {spans.Count}");
        }
    }
}
