using System;

namespace Notes
{
    public class Store
    {
        public string Name { get; set; }

        public void Add(string text)
        {
            Console.Write(text);
        }
    }

    public enum Kind
    {
        Note,
        Task,
    }
}
