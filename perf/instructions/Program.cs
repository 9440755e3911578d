using Tempo.Perf.Instructions;
using Tempo.Perf.Load.Verbs;

const string Usage = """
    tempo-instructions gate [--baselines perf/gate] [--update]
        Fails if a fixed piece of work takes more instructions than the machine's file allows. Needs valgrind.
    tempo-instructions pieces
        Those pieces of work: what gate runs under valgrind.
    """;

var verb = args.Length > 0 ? args[0] : "";
var options = new OptionReader(args.Skip(1));
try
{
    switch (verb)
    {
        case "gate": return InstructionGate.Run(options);
        case "pieces":
            options.ExpectEnd();
            Pieces.CountAll();
            return 0;
        default:
            Console.WriteLine(Usage);
            return 2;
    }
}
catch (OptionException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    return 2;
}
